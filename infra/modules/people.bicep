// What a person, or a group, needs by hand: docs/deploy.md says for which step. Everything else is the app's.
import { roles } from 'roles.bicep'

@description('Object id of the person or group.')
param principalId string

@description('Which of the two it is.')
@allowed(['User', 'Group'])
param principalType string

@description('Name of the vault.')
param vaultName string

@description('Name of the storage account.')
param storageName string

@description('Name of the Service Bus namespace.')
param namespaceName string

@description('Name of the queue.')
param queueName string

resource vault 'Microsoft.KeyVault/vaults@2024-11-01' existing = {
  name: vaultName
}

resource account 'Microsoft.Storage/storageAccounts@2025-01-01' existing = {
  name: storageName
}

resource namespace 'Microsoft.ServiceBus/namespaces@2024-01-01' existing = {
  name: namespaceName

  resource queue 'queues' existing = {
    name: queueName
  }
}

resource keepsSecrets 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(vault.id, principalId, roles.keyVaultSecretsOfficer)
  scope: vault
  properties: {
    principalId: principalId
    principalType: principalType
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles.keyVaultSecretsOfficer)
    description: 'Puts tokens and keys into the vault, and reads the connection string that eMabler is given.'
  }
}

resource readsAndWritesTables 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(account.id, principalId, roles.storageTableDataContributor)
  scope: account
  properties: {
    principalId: principalId
    principalType: principalType
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles.storageTableDataContributor)
    description: 'Runs the command emabler: lists of tags are tables of their own, so the whole account.'
  }
}

// To look at dead letters and send them back, two roles that together still cannot change the queue.
resource receives 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(namespace::queue.id, principalId, roles.serviceBusDataReceiver)
  scope: namespace::queue
  properties: {
    principalId: principalId
    principalType: principalType
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles.serviceBusDataReceiver)
    description: 'Looks at dead letters.'
  }
}

resource sends 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(namespace::queue.id, principalId, roles.serviceBusDataSender)
  scope: namespace::queue
  properties: {
    principalId: principalId
    principalType: principalType
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles.serviceBusDataSender)
    description: 'Sends the first event, and dead letters back.'
  }
}
