export { ClientError, Strongroom } from '@strongroom/client'
export { nodePlatform } from '@strongroom/client/node'
