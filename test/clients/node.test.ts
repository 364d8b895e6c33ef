import { playClients } from './support/play-clients.ts'

await playClients('node', 'directory')
await playClients('node', 'memory')
