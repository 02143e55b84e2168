// The storage account: the app's tables, its package, and what the Functions host keeps (locks, state of the timers).
import { roles } from 'roles.bicep'

@description('Name of the storage account.')
param name string

@description('Azure region.')
param location string

@description('Tags of the account.')
param tags object

@description('How often and where Azure keeps each byte.')
@allowed(['Standard_LRS', 'Standard_ZRS', 'Standard_GRS', 'Standard_GZRS'])
param redundancy string

@description('Container of the deployed package.')
param packageContainer string

@description('Principal id of the app\'s identity.')
param appPrincipalId string

@description('Resource id of the Log Analytics workspace.')
param workspaceId string

@description('Whether every write of a row is logged, too.')
param logsTableWrites bool

// Those whose name never changes. The app makes the others when it needs them: a table for each month, for each list of
// tags, and for what came without a time.
var tables = [
  'ChargerStatus'
  'Drift'
  'LargeBodiesQuarantine'
  'LargeBodiesStatistics'
  'Layout'
  'PollState'
  'Quarantine'
  'Reconciliation'
  'Statistics'
  'Tags'
  'Transactions'
  'UnknownTags'
]

resource account 'Microsoft.Storage/storageAccounts@2025-01-01' = {
  name: name
  location: location
  tags: tags
  kind: 'StorageV2'
  sku: {
    name: redundancy
  }
  properties: {
    accessTier: 'Hot'
    allowBlobPublicAccess: false
    allowCrossTenantReplication: false
    allowSharedKeyAccess: false
    defaultToOAuthAuthentication: true
    minimumTlsVersion: 'TLS1_2'
    supportsHttpsTrafficOnly: true
    publicNetworkAccess: 'Enabled'
    networkAcls: {
      bypass: 'AzureServices'
      defaultAction: 'Allow'
    }
  }

  resource blobs 'blobServices' = {
    name: 'default'
    properties: {
      deleteRetentionPolicy: {
        enabled: true
        days: 7
      }
      containerDeleteRetentionPolicy: {
        enabled: true
        days: 7
      }
    }

    resource package 'containers' = {
      name: packageContainer
      properties: {
        publicAccess: 'None'
      }
    }
  }

  resource tableService 'tableServices' = {
    name: 'default'
  }
}

resource fixedTables 'Microsoft.Storage/storageAccounts/tableServices/tables@2025-01-01' = [
  for table in tables: {
    parent: account::tableService
    name: table
  }
]

// The whole account, because the host makes its own containers (azure-webjobs-hosts, azure-webjobs-secrets) in it, and
// leases blobs there: learn.microsoft.com, "Connecting to host storage with an identity". No data of ours are blobs.
resource appOwnsBlobs 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(account.id, appPrincipalId, roles.storageBlobDataOwner)
  scope: account
  properties: {
    principalId: appPrincipalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles.storageBlobDataOwner)
    description: 'The Functions host keeps locks, the state of timers and the package in blobs.'
  }
}

// The whole account, because the app makes a table for each month and each list of tags, and drops those that are older
// than the retention: tables that do not exist yet cannot be granted. The role opens tables only.
resource appWritesTables 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(account.id, appPrincipalId, roles.storageTableDataContributor)
  scope: account
  properties: {
    principalId: appPrincipalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles.storageTableDataContributor)
    description: 'The app reads and writes its tables, makes those of a month and drops those that are expired.'
  }
}

// Deletions are few (retention drops tables, a person drops more): they are always logged. Writes are the app's work,
// millions a month, and a log line of each would cost more than the rows do.
resource tableLog 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  name: 'to-workspace'
  scope: account::tableService
  properties: {
    workspaceId: workspaceId
    logs: [
      {
        category: 'StorageDelete'
        enabled: true
      }
      {
        category: 'StorageWrite'
        enabled: logsTableWrites
      }
    ]
  }
}

@description('Name of the storage account.')
output name string = account.name

@description('Endpoint of its blobs; ends in a slash.')
output blobEndpoint string = account.properties.primaryEndpoints.blob

@description('Endpoint of its tables; ends in a slash.')
output tableEndpoint string = account.properties.primaryEndpoints.table
