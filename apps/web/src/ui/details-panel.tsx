import { Files, Info, X } from 'lucide-react'
import { type ReactNode, useEffect, useState } from 'react'
import { asFailure } from '../bridge/connect.ts'
import { parentOf, type Row } from '../bridge/rows.ts'
import { formatBytes, formatFullTime, shownName } from '../format.ts'
import { setDetailsOpen } from '../state/details.ts'
import { useVault } from '../state/vault.tsx'
import { TEXT } from '../strings.ts'
import type { ItemFacts, ItemSum } from '../worker/vault-api.ts'
import { IconButton } from './controls.tsx'
import { typeOf } from './file-type.ts'
import { Thumbnail } from './thumbnail.tsx'

interface DetailsProps {
  readonly chosen: readonly Row[]
  readonly onOpenFolder: (path: string) => void
  readonly onVersions: (row: Row) => void
}

/** What is known of what is selected, beside the list. */
export function DetailsPanel(props: DetailsProps) {
  const { chosen } = props
  const [only] = chosen
  return (
    <aside className="details" aria-label={TEXT.details.title}>
      <div className="details-head">
        <h2>{TEXT.details.title}</h2>
        <IconButton label={TEXT.details.close} onClick={() => setDetailsOpen(false)}>
          <X size={19} />
        </IconButton>
      </div>
      {only === undefined ? (
        <div className="details-none">
          <Info size={26} strokeWidth={1.5} aria-hidden="true" />
          <p>{TEXT.details.none}</p>
        </div>
      ) : chosen.length === 1 ? (
        <One key={only.id} {...props} row={only} />
      ) : (
        <Many chosen={chosen} />
      )}
    </aside>
  )
}

function Many({ chosen }: { chosen: readonly Row[] }) {
  const { vault, revision } = useVault()
  const [sum, setSum] = useState<ItemSum | null>(null)
  const ids = chosen.map((row) => row.id).join(' ')
  useEffect(() => {
    let current = true
    vault.sumOf(ids.split(' ')).then(
      (found) => current && setSum(found),
      () => undefined,
    )
    return () => {
      current = false
    }
  }, [vault, revision, ids])
  return (
    <div className="details-body">
      <div className="details-picture">
        <Files size={64} strokeWidth={1} className="file-icon" aria-hidden="true" />
      </div>
      <h3>{TEXT.files.selected(chosen.length)}</h3>
      {sum !== null && (
        <dl className="details-facts">
          <Fact name={TEXT.details.contains}>{TEXT.details.counts(sum.files, sum.folders)}</Fact>
          <Fact name={TEXT.files.size}>{formatBytes(sum.bytes)}</Fact>
        </dl>
      )}
    </div>
  )
}

function One({ row, onOpenFolder, onVersions }: DetailsProps & { row: Row }) {
  const { vault, revision, stop } = useVault()
  const [facts, setFacts] = useState<ItemFacts | null>(null)
  useEffect(() => {
    let current = true
    vault.facts(row.id).then(
      (found) => current && setFacts(found),
      (cause: unknown) => stop(asFailure(cause)),
    )
    return () => {
      current = false
    }
  }, [vault, revision, row.id, stop])
  return (
    <div className="details-body">
      <div className="details-picture">
        <Thumbnail row={row} size={72} />
      </div>
      <h3>
        <bdi>{shownName(row.name)}</bdi>
      </h3>
      {facts !== null && <Facts facts={facts} row={row} onOpenFolder={onOpenFolder} onVersions={onVersions} />}
    </div>
  )
}

interface FactsProps extends Pick<DetailsProps, 'onOpenFolder' | 'onVersions'> {
  readonly facts: ItemFacts
  readonly row: Row
}

function Facts({ facts, row, onOpenFolder, onVersions }: FactsProps) {
  const folder = parentOf(facts.path)
  const isFile = facts.kind === 'file'
  return (
    <>
      <dl className="details-facts">
        <Fact name={TEXT.details.type}>{typeOf(facts)}</Fact>
        <Fact name={TEXT.files.location}>
          <button type="button" className="link" onClick={() => onOpenFolder(folder)}>
            <bdi>{folder === '/' ? TEXT.files.root : shownName(folder.slice(1)).replaceAll('/', ' / ')}</bdi>
          </button>
        </Fact>
        {facts.kind === 'folder' && (
          <Fact name={TEXT.details.contains}>{TEXT.details.counts(facts.files, facts.folders)}</Fact>
        )}
        <Fact name={TEXT.files.size}>
          {isFile ? TEXT.details.bytes(formatBytes(facts.size), facts.size) : formatBytes(facts.bytes)}
        </Fact>
        {facts.target !== null && <Fact name={TEXT.details.target}>{shownName(facts.target)}</Fact>}
        {facts.mtimeMs !== 0 && <Fact name={TEXT.files.modified}>{formatFullTime(facts.mtimeMs)}</Fact>}
        {facts.createdMs !== 0 && <Fact name={TEXT.details.added}>{formatFullTime(facts.createdMs)}</Fact>}
        {isFile && facts.storedMs !== null && (
          <Fact name={TEXT.details.stored}>
            {TEXT.versions.stored(formatFullTime(facts.storedMs), facts.deviceName)}
          </Fact>
        )}
        {isFile && (
          <Fact name={TEXT.versions.title}>
            <button type="button" className="link" onClick={() => onVersions(row)}>
              {TEXT.details.versions(facts.versions)}
            </button>
          </Fact>
        )}
        {facts.isFavourite && <Fact name={TEXT.files.isFavourite}>{TEXT.details.yes}</Fact>}
      </dl>
      {isFile && (
        <section className="details-sealed" aria-label={TEXT.details.sealed}>
          <h4>{TEXT.details.sealed}</h4>
          <dl className="details-facts">
            {facts.keyMs !== null && <Fact name={TEXT.details.key}>{formatFullTime(facts.keyMs)}</Fact>}
            <Fact name={TEXT.details.onServer}>{formatBytes(facts.storedBytes)}</Fact>
            {facts.blobId !== null && (
              <Fact name={TEXT.details.blob}>
                <code>{facts.blobId}</code>
              </Fact>
            )}
          </dl>
          <p className="field-hint">{TEXT.details.sealedText}</p>
        </section>
      )}
    </>
  )
}

function Fact({ name, children }: { name: string; children: ReactNode }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  )
}
