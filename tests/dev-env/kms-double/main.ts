// The double of AWS KMS as a process of its own: prints its URL, and ends with its standard input.
import { startKmsDouble } from './server.ts'

const double = await startKmsDouble({ port: Number(process.argv[2] ?? 0) })
process.stdout.write(`${double.url}\n`)
process.stdin.resume().once('end', () => void double.close())
