import { observable } from './observable.ts'

/** Whether the server answered what it was asked last. */
export const connection = observable<'online' | 'offline'>('online')
