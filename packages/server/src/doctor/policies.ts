import type { BucketAddress } from '../blob-url.ts'
import type { KeyServiceAddress } from '../kms-url.ts'

/** CORS rules of a bucket, as `aws s3api put-bucket-cors` takes them. */
export interface CorsRules {
  readonly CORSRules: readonly {
    readonly AllowedOrigins: readonly string[]
    readonly AllowedMethods: readonly string[]
    readonly AllowedHeaders: readonly string[]
    readonly ExposeHeaders: readonly string[]
    readonly MaxAgeSeconds: number
  }[]
}

/** An IAM policy. */
export interface Policy {
  readonly Version: '2012-10-17'
  readonly Statement: readonly {
    readonly Effect: 'Allow'
    readonly Action: readonly string[]
    readonly Resource: string | readonly string[]
  }[]
}

/** What browsers need to be allowed, for the web app at `origin`. */
export function corsRules(origin: string): CorsRules {
  return {
    CORSRules: [
      {
        AllowedOrigins: [origin],
        AllowedMethods: ['GET', 'PUT'],
        AllowedHeaders: ['content-type', 'if-none-match', 'range', 'x-amz-checksum-sha256', 'x-amz-content-sha256'],
        ExposeHeaders: ['Content-Length', 'Content-Range', 'ETag', 'Retry-After'],
        MaxAgeSeconds: 3600,
      },
    ],
  }
}

/** What the server's credentials need to be allowed, on this bucket and prefix, and this key service. */
export function serverPolicy(bucket: BucketAddress | null, keys: KeyServiceAddress): Policy {
  return {
    Version: '2012-10-17',
    Statement: [
      ...(bucket === null ? [] : bucketStatements(bucket)),
      ...(keys.kind === 'aws' ? keyStatements(keys) : []),
    ],
  }
}

function bucketStatements({ bucket, prefix }: BucketAddress): Policy['Statement'] {
  return [
    {
      Effect: 'Allow',
      Action: [
        's3:ListBucket',
        's3:ListBucketMultipartUploads',
        's3:GetBucketVersioning',
        's3:GetLifecycleConfiguration',
      ],
      Resource: `arn:aws:s3:::${bucket}`,
    },
    {
      Effect: 'Allow',
      Action: [
        's3:GetObject',
        's3:PutObject',
        's3:DeleteObject',
        's3:AbortMultipartUpload',
        's3:ListMultipartUploadParts',
      ],
      Resource: `arn:aws:s3:::${bucket}/${prefix}*`,
    },
  ]
}

function keyStatements({ region, alias }: Extract<KeyServiceAddress, { kind: 'aws' }>): Policy['Statement'] {
  const account = `arn:aws:kms:${region}:ACCOUNT`
  return [
    {
      Effect: 'Allow',
      Action: [
        'kms:Encrypt',
        'kms:Decrypt',
        'kms:DescribeKey',
        'kms:ReEncryptFrom',
        'kms:ReEncryptTo',
        'kms:CreateAlias',
        'kms:UpdateAlias',
        'kms:ScheduleKeyDeletion',
      ],
      Resource: `${account}:key/*`,
    },
    { Effect: 'Allow', Action: ['kms:CreateAlias', 'kms:UpdateAlias'], Resource: `${account}:${alias}*` },
    { Effect: 'Allow', Action: ['kms:CreateKey'], Resource: '*' },
  ]
}
