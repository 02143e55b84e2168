// The queue that eMabler pushes into, the one key for it, and the app's right to work it off.
import { roles } from 'roles.bicep'

@description('Name of the namespace.')
param namespaceName string

@description('Name of the queue.')
param queueName string

@description('Azure region.')
param location string

@description('Tags of the namespace.')
param tags object

@description('Name of the vault that gets eMabler\'s connection string.')
param vaultName string

@description('Principal id of the app\'s identity.')
param appPrincipalId string

@description('Resource id of the Log Analytics workspace.')
param workspaceId string

resource namespace 'Microsoft.ServiceBus/namespaces@2024-01-01' = {
  name: namespaceName
  location: location
  tags: tags
  sku: {
    // Basic has no duplicate detection; Premium begins at some hundred dollars a month.
    name: 'Standard'
    tier: 'Standard'
  }
  properties: {
    minimumTlsVersion: '1.2'
    publicNetworkAccess: 'Enabled'
    // eMabler's platform connects with a connection string, and this switch is the namespace's, not the queue's. So keys
    // stay possible here, and there is exactly one of ours: below, for sending into this one queue.
    disableLocalAuth: false
  }

  resource queue 'queues' = {
    name: queueName
    properties: {
      // The longest there is: a batch rides out a storage outage of INGEST_DEADLINE_SECONDS under its lock.
      lockDuration: 'PT5M'
      maxDeliveryCount: 10
      // Two weeks to mend what is broken. What nobody took by then is kept as a dead letter, with an alert.
      defaultMessageTimeToLive: 'P14D'
      deadLetteringOnMessageExpiration: true
      // The app stores an event once however often it comes; this spares it the broker's and the sender's own repeats,
      // which follow within seconds. A longer window would cost throughput, and would make more of an id used twice.
      // It cannot be switched on for a queue that exists.
      requiresDuplicateDetection: true
      duplicateDetectionHistoryTimeWindow: 'PT5M'
      // Sessions would put a charger's events in order, which the app does not need, and batches do not go with them.
      requiresSession: false
      maxSizeInMegabytes: 5120
      enablePartitioning: false
    }

    // One rule for each sender, so that one can be cut off alone. Its holder can neither read nor manage, nor see
    // another queue.
    resource emablerSends 'authorizationRules' = {
      name: 'emabler-send'
      properties: {
        rights: ['Send']
      }
    }
  }
}

resource vault 'Microsoft.KeyVault/vaults@2024-11-01' existing = {
  name: vaultName
}

// Straight from the bus into the vault: no output, no parameter and no setting ever holds it.
resource sendConnection 'Microsoft.KeyVault/vaults/secrets@2024-11-01' = {
  parent: vault
  name: 'emabler-send-connection'
  properties: {
    value: namespace::queue::emablerSends.listKeys().primaryConnectionString
    contentType: 'connection string that eMabler is given: sends into the queue, nothing else'
  }
}

// Owner, because scaling asks how long the queue is, and that needs the right to manage (learn.microsoft.com,
// "Target-based scaling"). On this queue alone, where it also covers receiving, and sending what comes by webhook.
resource appOwnsQueue 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(namespace::queue.id, appPrincipalId, roles.serviceBusDataOwner)
  scope: namespace::queue
  properties: {
    principalId: appPrincipalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles.serviceBusDataOwner)
    description: 'The app works off the queue, puts events of the webhook into it, and is scaled by its length.'
  }
}

// Who changed what on the namespace. Its metrics cannot be sent to the workspace; alerts look at them where they are.
resource busLog 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  name: 'to-workspace'
  scope: namespace
  properties: {
    workspaceId: workspaceId
    logAnalyticsDestinationType: 'Dedicated'
    logs: [
      {
        category: 'OperationalLogs'
        enabled: true
      }
    ]
  }
}

@description('Resource id of the namespace.')
output namespaceId string = namespace.id

@description('Name of the namespace.')
output namespaceName string = namespace.name

@description('Name of the queue.')
output queueName string = namespace::queue.name

@description('Host name of the namespace.')
output hostName string = replace(replace(namespace.properties.serviceBusEndpoint, 'https://', ''), ':443/', '')
