import { playClients } from './support/play-clients.ts'

await playClients('java-4.3', 'directory')
await playClients('java-3.9', 'directory')
