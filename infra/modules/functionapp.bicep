// The app: Flex Consumption, which costs next to nothing while nothing happens and scales to a thousand instances.

@description('Name of the plan; Flex Consumption has one app on each.')
param planName string

@description('Name of the app.')
param name string

@description('Azure region.')
param location string

@description('Tags of the app; azd finds it by azd-service-name.')
param tags object

@description('Version of Python.')
param pythonVersion string

@description('Memory of an instance in MB.')
param instanceMemoryMB int

@description('Instances at most, for HTTP and for every other function each.')
param maximumInstanceCount int

@description('Instances for HTTP that always run.')
param alwaysReadyHttp int

@description('Instances for the queue that always run.')
param alwaysReadyPushEvents int

@description('Instances for Kafka that always run.')
param alwaysReadyPushEventsKafka int

@description('Requests that an instance is given at the same time before there is another.')
param httpPerInstanceConcurrency int

@description('Messages that an instance takes from the queue at a time.')
param pushEventsBatchSize int

@description('Resource id of the app\'s identity.')
param identityId string

@description('Client id of the app\'s identity.')
param identityClientId string

@description('Endpoint of the blobs for the package and the host; ends in a slash.')
param blobEndpoint string

@description('Container of the package.')
param packageContainer string

@description('Name of the Application Insights component.')
param componentName string

@description('Resource id of the subnet by which the app goes out; empty for none.')
param outboundSubnetId string

@description('What shared/settings.py, shared/kafka.py and the timers read, under their names.')
param ownSettings object

resource component 'Microsoft.Insights/components@2020-02-02' existing = {
  name: componentName
}

// Read by the Functions host, the platform and the Azure SDKs, not by our code.
var platformSettings = {
  AzureWebJobsStorage__blobServiceUri: blobEndpoint
  AzureWebJobsStorage__credential: 'managedidentity'
  AzureWebJobsStorage__clientId: identityClientId
  ServiceBusConnection__credential: 'managedidentity'
  AZURE_CLIENT_ID: identityClientId
  APPLICATIONINSIGHTS_CONNECTION_STRING: component.properties.ConnectionString
  APPLICATIONINSIGHTS_AUTHENTICATION_STRING: 'ClientId=${identityClientId};Authorization=AAD'
  PYTHON_ENABLE_OPENTELEMETRY: 'true'
  AzureFunctionsJobHost__extensions__serviceBus__maxMessageBatchSize: string(pushEventsBatchSize)
  // An instance may end soon after its work; what it has not told by then is lost.
  OTEL_METRIC_EXPORT_INTERVAL: '10000'
}

var alwaysReady = [
  {
    // All functions with an HTTP trigger are one group: a cold start stands between a driver and the charger.
    name: 'http'
    instanceCount: alwaysReadyHttp
  }
  {
    name: 'function:push_events'
    instanceCount: alwaysReadyPushEvents
  }
  {
    name: 'function:push_events_kafka'
    instanceCount: alwaysReadyPushEventsKafka
  }
]

resource plan 'Microsoft.Web/serverfarms@2024-11-01' = {
  name: planName
  location: location
  tags: tags
  kind: 'functionapp'
  sku: {
    name: 'FC1'
    tier: 'FlexConsumption'
  }
  properties: {
    reserved: true
  }
}

resource app 'Microsoft.Web/sites@2024-11-01' = {
  name: name
  location: location
  tags: tags
  kind: 'functionapp,linux'
  identity: {
    type: 'UserAssigned'
    userAssignedIdentities: {
      '${identityId}': {}
    }
  }
  properties: {
    serverFarmId: plan.id
    httpsOnly: true
    // Without it the platform would open the vault with a system-assigned identity, which the app does not have.
    keyVaultReferenceIdentity: identityId
    virtualNetworkSubnetId: empty(outboundSubnetId) ? null : outboundSubnetId
    siteConfig: {
      minTlsVersion: '1.2'
      scmMinTlsVersion: '1.2'
      ftpsState: 'Disabled'
      http20Enabled: true
    }
    functionAppConfig: {
      deployment: {
        storage: {
          type: 'blobContainer'
          value: '${blobEndpoint}${packageContainer}'
          authentication: {
            type: 'UserAssignedIdentity'
            userAssignedIdentityResourceId: identityId
          }
        }
      }
      runtime: {
        name: 'python'
        version: pythonVersion
      }
      scaleAndConcurrency: {
        alwaysReady: filter(alwaysReady, group => group.instanceCount > 0)
        instanceMemoryMB: instanceMemoryMB
        maximumInstanceCount: maximumInstanceCount
        // Flex knows this for HTTP only. How much of the queue an instance takes at a time is maxMessageBatchSize among
        // the settings, by which it is scaled, too.
        triggers: {
          http: {
            perInstanceConcurrency: httpPerInstanceConcurrency
          }
        }
      }
    }
  }

  resource settings 'config' = {
    name: 'appsettings'
    properties: union(platformSettings, ownSettings)
  }

  // No user name and password of the app opens a door: packages come with an identity.
  resource noFtp 'basicPublishingCredentialsPolicies' = {
    name: 'ftp'
    properties: {
      allow: false
    }
  }

  resource noPasswords 'basicPublishingCredentialsPolicies' = {
    name: 'scm'
    properties: {
      allow: false
    }
  }
}

@description('Name of the app.')
output name string = app.name

@description('Address of the app.')
output url string = 'https://${app.properties.defaultHostName}'
