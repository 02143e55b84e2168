// The vault of every secret: what eMabler shows us, our key of its REST API, and (servicebus.bicep) what eMabler is given.
import { roles } from 'roles.bicep'

@description('Name of the vault.')
param name string

@description('Azure region.')
param location string

@description('Tags of the vault.')
param tags object

@description('Whether a deleted vault of this name is brought back.')
param recovers bool

@description('Principal id of the app\'s identity.')
param appPrincipalId string

@description('Resource id of the Log Analytics workspace.')
param workspaceId string

@secure()
@description('Authorization values that eMabler may send with a tap; empty to keep what the vault has.')
param realtimeAuthTokens string

@secure()
@description('The same for the webhook; empty to keep what the vault has.')
param pushWebhookTokens string

@secure()
@description('The same for the details of /api/health; empty to keep what the vault has.')
param healthTokens string

@secure()
@description('Key of eMabler\'s REST API; empty to keep what the vault has.')
param emablerApiKey string

@secure()
@description('Password at the Kafka brokers; empty to keep what the vault has.')
param kafkaPassword string

resource vault 'Microsoft.KeyVault/vaults@2024-11-01' = {
  name: name
  location: location
  tags: tags
  properties: {
    tenantId: subscription().tenantId
    createMode: recovers ? 'recover' : 'default'
    sku: {
      family: 'A'
      name: 'standard'
    }
    enableRbacAuthorization: true
    enableSoftDelete: true
    softDeleteRetentionInDays: 90
    enablePurgeProtection: true
    enabledForDeployment: false
    enabledForDiskEncryption: false
    // The resource manager itself needs no leave to write a secret; reading one for a deployment stays closed.
    enabledForTemplateDeployment: false
    publicNetworkAccess: 'Enabled'
    networkAcls: {
      bypass: 'AzureServices'
      defaultAction: 'Allow'
    }
  }
}

resource tapTokens 'Microsoft.KeyVault/vaults/secrets@2024-11-01' = if (!empty(realtimeAuthTokens)) {
  parent: vault
  name: 'realtime-auth-tokens'
  properties: {
    value: realtimeAuthTokens
    contentType: 'Authorization values, separated by commas'
  }
}

resource webhookTokens 'Microsoft.KeyVault/vaults/secrets@2024-11-01' = if (!empty(pushWebhookTokens)) {
  parent: vault
  name: 'push-webhook-tokens'
  properties: {
    value: pushWebhookTokens
    contentType: 'Authorization values, separated by commas'
  }
}

resource detailTokens 'Microsoft.KeyVault/vaults/secrets@2024-11-01' = if (!empty(healthTokens)) {
  parent: vault
  name: 'health-tokens'
  properties: {
    value: healthTokens
    contentType: 'Authorization values, separated by commas'
  }
}

resource restKey 'Microsoft.KeyVault/vaults/secrets@2024-11-01' = if (!empty(emablerApiKey)) {
  parent: vault
  name: 'emabler-api-key'
  properties: {
    value: emablerApiKey
    contentType: 'key of the REST API of eMabler'
  }
}

resource brokerPassword 'Microsoft.KeyVault/vaults/secrets@2024-11-01' = if (!empty(kafkaPassword)) {
  parent: vault
  name: 'kafka-password'
  properties: {
    value: kafkaPassword
    contentType: 'password at the Kafka brokers'
  }
}

// The whole vault, because a secret that a person puts there later cannot be granted now. It is this app's alone, and
// the one secret in it that the app has no use for (emabler-send-connection) opens less than the app's own role does.
resource appReadsSecrets 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(vault.id, appPrincipalId, roles.keyVaultSecretsUser)
  scope: vault
  properties: {
    principalId: appPrincipalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles.keyVaultSecretsUser)
    description: 'The settings of the app that are secrets are references to the vault.'
  }
}

// Who read which secret when.
resource vaultLog 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  name: 'to-workspace'
  scope: vault
  properties: {
    workspaceId: workspaceId
    logAnalyticsDestinationType: 'Dedicated'
    logs: [
      {
        category: 'AuditEvent'
        enabled: true
      }
    ]
  }
}

@description('Name of the vault.')
output name string = vault.name
