// The one identity of the app. It is made first and by itself, so that every grant stands before the app starts; an
// identity of the app's own would exist only with the app, and the first start would meet closed doors.

@description('Name of the identity.')
param name string

@description('Azure region.')
param location string

@description('Tags of the identity.')
param tags object

resource identity 'Microsoft.ManagedIdentity/userAssignedIdentities@2024-11-30' = {
  name: name
  location: location
  tags: tags
}

@description('Resource id of the identity.')
output id string = identity.id

@description('Client id, by which the app chooses the identity.')
output clientId string = identity.properties.clientId

@description('Principal id, to which roles are granted.')
output principalId string = identity.properties.principalId
