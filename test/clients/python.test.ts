import { playClients } from './support/play-clients.ts'

await playClients('python', 'directory')
