/**
 * The layers of ARCHITECTURE.md as rules. `tests/repository/layers.test.ts` plants a violation of each.
 * Type-only imports count: whoever knows a type knows the module.
 */
const CRYPTO_WITHOUT_KEYS =
  '^packages/crypto/src/(sizes|errors|envelope|encoding|labels|card|audit|receipt|ed25519-encoding|hpke-layout|ids|keyring-change|messages|sealed-layout|wraps-confirmation)\\.ts$'

module.exports = {
  forbidden: [
    { name: 'no-circles', severity: 'error', from: {}, to: { circular: true } },
    {
      name: 'crypto-stands-alone',
      severity: 'error',
      from: { path: '^packages/crypto/' },
      to: { path: '^(packages/(?!crypto/)|apps/)' },
    },
    {
      name: 'protocol-stands-alone',
      severity: 'error',
      from: { path: '^packages/protocol/' },
      to: { path: '^(packages/(?!protocol/)|apps/)' },
    },
    {
      name: 'vault-on-crypto-only',
      severity: 'error',
      from: { path: '^packages/vault/' },
      to: { path: '^(packages/(?!vault/|crypto/)|apps/)' },
    },
    {
      name: 'vault-is-pure',
      severity: 'error',
      from: { path: '^packages/vault/src/', pathNot: '\\.test\\.ts$' },
      to: { dependencyTypes: ['core'] },
    },
    {
      name: 'client-on-crypto-vault-protocol',
      severity: 'error',
      from: { path: '^packages/client/', pathNot: '\\.test\\.ts$' },
      to: { path: '^(packages/server/|apps/|tests/)' },
    },
    {
      name: 'client-core-is-isomorphic',
      severity: 'error',
      from: { path: '^packages/client/src/', pathNot: ['^packages/client/src/platform/', '\\.test\\.ts$'] },
      to: { dependencyTypes: ['core'] },
    },
    {
      name: 'client-core-knows-no-platform',
      severity: 'error',
      from: { path: '^packages/client/src/', pathNot: ['^packages/client/src/platform/', '\\.test\\.ts$'] },
      to: { path: '^packages/client/src/platform/' },
    },
    {
      name: 'server-imports',
      severity: 'error',
      from: { path: '^packages/server/src/', pathNot: ['\\.test\\.ts$', '^packages/server/src/testing/'] },
      to: {
        path: '^(packages/(crypto|vault|client)/|apps/|tests/)',
        pathNot: [CRYPTO_WITHOUT_KEYS, '^packages/vault/src/header\\.ts$'],
      },
    },
    {
      name: 'server-opens-nothing',
      comment: 'Code that opens what a client sealed is unreachable from the server.',
      severity: 'error',
      from: {
        path: '^(packages/server/src/|apps/server/)',
        pathNot: ['\\.test\\.ts$', '^packages/server/src/testing/'],
      },
      to: { path: '^packages/crypto/src/', pathNot: CRYPTO_WITHOUT_KEYS, reachable: true },
    },
    {
      name: 'domain-on-ports',
      severity: 'error',
      from: { path: '^packages/server/src/domain/', pathNot: '\\.test\\.ts$' },
      to: { path: '^packages/server/src/(adapters|http|admin|compose|config)' },
    },
    {
      name: 'admin-on-domain',
      severity: 'error',
      from: { path: '^packages/server/src/admin/', pathNot: '\\.test\\.ts$' },
      to: { path: '^packages/server/src/(adapters|http|compose|config)' },
    },
    {
      name: 'no-admin-over-http',
      comment: 'What operators do is reached by a socket of the file system, or by the database.',
      severity: 'error',
      from: { path: '^packages/server/src/http/', pathNot: '\\.test\\.ts$' },
      to: { path: '^packages/server/src/admin/', reachable: true },
    },
    {
      name: 'ports-know-nobody',
      severity: 'error',
      from: { path: '^packages/server/src/ports/' },
      to: { path: '^packages/server/src/(adapters|http|admin|domain|compose|config)' },
    },
    {
      name: 'adapters-apart',
      severity: 'error',
      from: { path: '^packages/server/src/adapters/', pathNot: '\\.test\\.ts$' },
      to: { path: '^packages/server/src/(http|admin|domain|compose|config)' },
    },
    {
      name: 'only-compose-imports-adapters',
      severity: 'error',
      from: {
        path: '^(packages|apps)/',
        pathNot: ['^packages/server/src/(adapters/|compose)', '\\.test\\.ts$', '^packages/server/src/testing/'],
      },
      to: { path: '^packages/server/src/adapters/' },
    },
    {
      name: 'adapters-are-loaded-when-chosen',
      severity: 'error',
      from: { path: '^packages/server/src/compose' },
      to: { path: '^packages/server/src/adapters/', dynamic: false, dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'upload-encrypt-without-network',
      severity: 'error',
      from: { path: '^packages/client/src/upload/encrypt-parts\\.ts$' },
      to: { path: '^packages/client/src/transport/' },
    },
    {
      name: 'upload-transfer-without-keys',
      severity: 'error',
      from: { path: '^packages/client/src/upload/upload-parts\\.ts$' },
      to: { path: '^packages/crypto/src/', pathNot: CRYPTO_WITHOUT_KEYS },
    },
    {
      name: 'nobody-imports-apps',
      severity: 'error',
      from: { path: '^(packages|apps/[^/]+)/' },
      to: { path: '^apps/', pathNot: '^$1/' },
    },
    {
      name: 'cli-loads-the-server-dynamically',
      severity: 'error',
      from: { path: '^apps/cli/' },
      to: { path: '^packages/server/' },
    },
    {
      name: 'web-keys-stay-in-the-worker',
      comment: 'Of the web app only the worker uses the SDK, and nothing else of the packages.',
      severity: 'error',
      from: { path: '^apps/web/src/', pathNot: '^apps/web/src/worker/' },
      to: { path: '^packages/' },
    },
    {
      name: 'web-on-the-sdk-only',
      severity: 'error',
      from: { path: '^apps/web/' },
      to: { path: '^packages/(?!client/)' },
    },
    {
      name: 'tests-stay-out',
      severity: 'error',
      from: { path: '^(packages|apps)/', pathNot: '\\.test\\.ts$|/testing/' },
      to: { path: '^tests/' },
    },
    {
      name: 'resolvable',
      severity: 'error',
      from: { path: '^(packages|apps)/' },
      to: { couldNotResolve: true, pathNot: '/dist/|[?]worker&url$' },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '(^|/)dist/' },
    tsPreCompilationDeps: true,
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'node', 'default', 'types'],
      extensions: ['.ts', '.tsx', '.js', '.json'],
    },
    combinedDependencies: true,
  },
}
