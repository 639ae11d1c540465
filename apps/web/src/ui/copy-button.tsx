import { Check, Copy } from 'lucide-react'
import { useState } from 'react'
import { TEXT } from '../strings.ts'
import { Button } from './controls.tsx'

/** Puts a text into the clipboard, and says so. */
export function CopyButton({ text }: { text: string }) {
  const [copied, setCopied] = useState(false)
  return (
    <Button onClick={() => void navigator.clipboard.writeText(text).then(() => setCopied(true))}>
      {copied ? <Check size={17} /> : <Copy size={17} />}
      {copied ? TEXT.recovery.copied : TEXT.recovery.copy}
    </Button>
  )
}
