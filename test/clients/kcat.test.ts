import { playClients } from './support/play-clients.ts'

await playClients('kcat', 'directory')
