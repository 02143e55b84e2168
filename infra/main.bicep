// Everything the bridge needs in Azure, in a resource group of its own. `azd up` deploys it; docs/deploy.md walks through.
// Parameters named like a setting of the app (README.md, "Settings") have its default and its bounds.
targetScope = 'subscription'

// ---- Where

@description('Name of this deployment; all names come from it, so one subscription can have several.')
@minLength(1)
@maxLength(64)
param environmentName string

@description('Azure region. It must have Flex Consumption: az functionapp list-flexconsumption-locations.')
@minLength(1)
@metadata({ azd: { type: 'location' } })
param location string

@description('How Azure keeps the tables: in one datacenter (LRS), in three of a region (ZRS), and in a second region, too (GRS, GZRS).')
@allowed(['Standard_LRS', 'Standard_ZRS', 'Standard_GRS', 'Standard_GZRS'])
param storageRedundancy string = 'Standard_LRS'

@description('Brings the vault back that an earlier deployment of this name left deleted: for 90 days nothing can purge it.')
param recoversVault bool = false

// ---- How much

@description('Version of Python.')
@allowed(['3.11', '3.12', '3.13'])
param pythonVersion string = '3.13'

@description('Memory of an instance in MB; 512 costs a quarter, and has a quarter of the processor.')
@allowed([512, 2048, 4096])
param instanceMemoryMB int = 2048

@description('Instances at most, for HTTP and for every other function each.')
@minValue(1)
@maxValue(1000)
param maximumInstanceCount int = 40

@description('Instances for HTTP that always run: one takes the cold start off a tap, and is paid around the clock. 0 for none.')
@minValue(0)
@maxValue(20)
param alwaysReadyHttp int = 1

@description('Instances for the queue that always run; without one the first event after a pause waits some seconds.')
@minValue(0)
@maxValue(20)
param alwaysReadyPushEvents int = 0

@description('Instances for Kafka that always run: whether none would be woken for a broker is told nowhere (docs/kafka.md). Without a broker there are none.')
@minValue(0)
@maxValue(20)
param alwaysReadyPushEventsKafka int = 1

@description('Requests an instance is given at the same time before there is another.')
@minValue(1)
@maxValue(1000)
param httpPerInstanceConcurrency int = 16

@description('Messages an instance takes from the queue at a time; also by how many the queue is divided to tell how many instances it needs.')
@minValue(1)
@maxValue(1000)
param pushEventsBatchSize int = 64

// ---- eMabler

@description('Whether eMabler\'s REST API is polled; it needs the secret emabler-api-key in the vault.')
param pollsEmabler bool = true

@description('Whether the webhook has tokens of its own, the secret push-webhook-tokens; else those of the taps count there.')
param hasWebhookTokens bool = false

@description('Whether the details of /api/health have tokens of their own, the secret health-tokens; else those of the taps count there.')
param hasHealthTokens bool = false

@description('Which of eMabler\'s REST APIs the key is for.')
@allowed(['v1', 'v2'])
param emablerApiVersion string = 'v2'

@description('Which of eMabler\'s environments is asked.')
@allowed(['test', 'staging', 'production'])
param emablerEnvironment string = 'production'

@description('The client id that v1 wants with the key.')
param emablerClientId string = ''

@description('Where the REST API is, instead of the environment\'s own address.')
param emablerBaseUrl string = ''

// ---- Kafka, for who has eMabler deliver there (docs/kafka.md). Without a broker nothing of it is deployed.

@description('Brokers, as host:port, separated by commas; empty for no Kafka.')
param kafkaBrokerList string = ''

@description('Name of the topic.')
@minLength(1)
@maxLength(249)
param pushEventsTopic string = 'push-events'

@description('Name of the consumer group; each deployment that is to have all events needs one of its own.')
@minLength(1)
param kafkaConsumerGroup string = 'emabler-azure'

@description('How the brokers are spoken to.')
@allowed(['plaintext', 'ssl', 'saslplaintext', 'saslssl'])
param kafkaProtocol string = 'saslssl'

@description('How the app shows who it is, where the protocol has SASL.')
@allowed(['plain', 'scramsha256', 'scramsha512'])
param kafkaAuthentication string = 'plain'

@description('User name; then the password is the secret kafka-password. Empty for none.')
param kafkaUsername string = ''

@description('Certificate of the authority that vouches for the brokers, in PEM; empty for a public one.')
param kafkaSslCaPem string = ''

@description('The same as a file of the package, by its path in there; empty for none.')
param kafkaSslCaLocation string = ''

@description('Resource id of a subnet, delegated to Microsoft.App/environments, by which the app goes out: for brokers in a private network. Empty for none.')
param outboundSubnetId string = ''

// ---- Settings of the app

@description('Name of the queue.')
@minLength(1)
@maxLength(260)
param pushEventsQueue string = 'push-events'

@description('Partitions a table is spread over; fixed once there is data.')
@minValue(1)
@maxValue(100)
param eventShards int = 4

@description('Months of events, measurements and answers to taps that are kept, the current one included; 0 keeps all.')
@minValue(0)
@maxValue(1200)
param eventRetentionMonths int = 13

@description('How long a batch may wait for storage before it is given back; well under the lock of 5 minutes.')
@minValue(1)
@maxValue(240)
param ingestDeadlineSeconds int = 120

@description('How long a known tag is answered from memory.')
@minValue(0)
@maxValue(3600)
param realtimeAuthCacheSeconds int = 30

@description('How long what was known last stands in while storage fails.')
@minValue(0)
@maxValue(86400)
param realtimeAuthStaleSeconds int = 3600

@description('When a tap has its answer at the latest; below the time-out that is configured at eMabler.')
@minValue(10)
@maxValue(30000)
param realtimeAuthDeadlineMs int = 800

@description('The answer then, where nothing is known; error leaves it to eMabler.')
@allowed(['deny', 'allow', 'error'])
param realtimeAuthOnFailure string = 'deny'

@description('Whether taps at a charger that neither push nor a poll ever told of are refused for that.')
@allowed(['ignore', 'refuse'])
param realtimeAuthUnknownCharger string = 'ignore'

@description('When the state of the chargers is polled: NCRONTAB of six fields, UTC; empty for every 5 minutes.')
param pollChargersSchedule string = ''

@description('When ended sessions, and v1\'s statistics, are polled; empty for every 15 minutes.')
param pollStatisticsSchedule string = ''

@description('When push and REST are compared; empty for 04:15.')
param reconcileSchedule string = ''

@description('Chargers that v1 is asked for beside those that push has shown, separated by commas.')
param pollChargerIds string = ''

@description('Calls to eMabler that one run may make.')
@minValue(1)
@maxValue(1000000)
param pollCallsPerRun int = 5000

@description('For how long push may say nothing of a charger that REST shows to be active; then it is a gap.')
@minValue(1)
@maxValue(10080)
param pushSilenceMinutes int = 60

// ---- Secrets. Each is written into the vault where it is given here, else the vault keeps what it has, so that a
// person can put it there (docs/deploy.md) and no file or environment of azd ever holds it.

@secure()
@description('Authorization values that eMabler may send with a tap, separated by commas.')
param realtimeAuthTokens string = ''

@secure()
@description('The same for the webhook.')
param pushWebhookTokens string = ''

@secure()
@description('The same for the details of /api/health.')
param healthTokens string = ''

@secure()
@description('Key of eMabler\'s REST API.')
param emablerApiKey string = ''

@secure()
@description('Password at the Kafka brokers.')
param kafkaPassword string = ''

// ---- Who is told, and who may

@description('Address that gets the alerts by mail; empty for none.')
param alertEmail string = ''

@secure()
@description('Address that gets the alerts by webhook, in the common schema; empty for none.')
param alertWebhookUri string = ''

@description('95 of 100 taps must be answered within so many milliseconds, or there is an alert.')
@minValue(10)
@maxValue(30000)
param tapP95BudgetMs int = 500

@description('Messages set aside in an hour that are no alert.')
@minValue(0)
param quarantinedPerHour int = 0

@description('For how many days telemetry is kept; the first 31 are in the price.')
@minValue(30)
@maxValue(730)
param telemetryRetentionDays int = 30

@description('GB of telemetry a day after which nothing more is taken in until the next day, and log alerts are blind; -1 for no limit.')
@minValue(-1)
param telemetryDailyCapGb int = 5

@description('Whether every write of a row is logged, too: for an audit, at a price.')
param logsTableWrites bool = false

@description('Object id of the person or group who keeps secrets, tags and dead letters; empty for nobody.')
param operatorPrincipalId string = ''

@description('Which of the two it is.')
@allowed(['User', 'Group'])
param operatorPrincipalType string = 'User'

// ---- Names

var token = toLower(uniqueString(subscription().id, environmentName, location))
var tags = { 'azd-env-name': environmentName }
var packageContainer = 'app-package'

// Named by what shared/settings.py and handlers/polling.py read. An empty value counts as not set. That they name what
// the modules put out also makes the app wait for all grants.
var ownSettings = {
  EventStorage__tableServiceUri: storage.outputs.tableEndpoint
  EventStorage__clientId: identity.outputs.clientId
  ServiceBusConnection__fullyQualifiedNamespace: servicebus.outputs.hostName
  ServiceBusConnection__clientId: identity.outputs.clientId
  PUSH_EVENTS_QUEUE: servicebus.outputs.queueName
  EVENT_SHARDS: string(eventShards)
  EVENT_RETENTION_MONTHS: string(eventRetentionMonths)
  INGEST_DEADLINE_SECONDS: string(ingestDeadlineSeconds)
  // References without a version follow the secret's newest.
  REALTIME_AUTH_TOKENS: '@Microsoft.KeyVault(VaultName=${keyvault.outputs.name};SecretName=realtime-auth-tokens)'
  PUSH_WEBHOOK_TOKENS: hasWebhookTokens ? '@Microsoft.KeyVault(VaultName=${keyvault.outputs.name};SecretName=push-webhook-tokens)' : ''
  HEALTH_TOKENS: hasHealthTokens ? '@Microsoft.KeyVault(VaultName=${keyvault.outputs.name};SecretName=health-tokens)' : ''
  REALTIME_AUTH_CACHE_SECONDS: string(realtimeAuthCacheSeconds)
  REALTIME_AUTH_STALE_SECONDS: string(realtimeAuthStaleSeconds)
  REALTIME_AUTH_DEADLINE_MS: string(realtimeAuthDeadlineMs)
  REALTIME_AUTH_ON_FAILURE: realtimeAuthOnFailure
  REALTIME_AUTH_UNKNOWN_CHARGER: realtimeAuthUnknownCharger
  EMABLER_API_KEY: pollsEmabler ? '@Microsoft.KeyVault(VaultName=${keyvault.outputs.name};SecretName=emabler-api-key)' : ''
  EMABLER_API_VERSION: emablerApiVersion
  EMABLER_ENVIRONMENT: emablerEnvironment
  EMABLER_CLIENT_ID: emablerClientId
  EMABLER_BASE_URL: emablerBaseUrl
  POLL_CHARGERS_SCHEDULE: pollChargersSchedule
  POLL_STATISTICS_SCHEDULE: pollStatisticsSchedule
  RECONCILE_SCHEDULE: reconcileSchedule
  POLL_CHARGER_IDS: pollChargerIds
  POLL_CALLS_PER_RUN: string(pollCallsPerRun)
  PUSH_SILENCE_MINUTES: string(pushSilenceMinutes)
}

// Named by what shared/kafka.py reads, but for the host's own.
var kafkaSettings = {
  // Wins over host.json. While the host listens by OpenTelemetry, the Kafka extension passes over batches in which a
  // message tells no trace (docs/decisions/0014-kafka-offsets.md).
  AzureFunctionsJobHost__telemetryMode: 'ApplicationInsights'
  KAFKA_BROKER_LIST: kafkaBrokerList
  PUSH_EVENTS_TOPIC: pushEventsTopic
  KAFKA_CONSUMER_GROUP: kafkaConsumerGroup
  KAFKA_PROTOCOL: kafkaProtocol
  KAFKA_AUTHENTICATION: kafkaAuthentication
  KAFKA_USERNAME: kafkaUsername
  KAFKA_PASSWORD: empty(kafkaUsername) ? '' : '@Microsoft.KeyVault(VaultName=${keyvault.outputs.name};SecretName=kafka-password)'
  KAFKA_SSL_CA_PEM: kafkaSslCaPem
  KAFKA_SSL_CA_LOCATION: kafkaSslCaLocation
}

resource group 'Microsoft.Resources/resourceGroups@2024-11-01' = {
  name: 'rg-${environmentName}'
  location: location
  tags: tags
}

module identity 'modules/identity.bicep' = {
  name: 'identity'
  scope: group
  params: {
    name: 'id-${token}'
    location: location
    tags: tags
  }
}

module monitoring 'modules/monitoring.bicep' = {
  name: 'monitoring'
  scope: group
  params: {
    workspaceName: 'log-${token}'
    componentName: 'appi-${token}'
    location: location
    tags: tags
    retentionDays: telemetryRetentionDays
    dailyCapGb: telemetryDailyCapGb
    appPrincipalId: identity.outputs.principalId
  }
}

module storage 'modules/storage.bicep' = {
  name: 'storage'
  scope: group
  params: {
    name: 'st${token}'
    location: location
    tags: tags
    redundancy: storageRedundancy
    packageContainer: packageContainer
    appPrincipalId: identity.outputs.principalId
    workspaceId: monitoring.outputs.workspaceId
    logsTableWrites: logsTableWrites
  }
}

module keyvault 'modules/keyvault.bicep' = {
  name: 'keyvault'
  scope: group
  params: {
    name: 'kv-${token}'
    location: location
    tags: tags
    recovers: recoversVault
    appPrincipalId: identity.outputs.principalId
    workspaceId: monitoring.outputs.workspaceId
    realtimeAuthTokens: realtimeAuthTokens
    pushWebhookTokens: pushWebhookTokens
    healthTokens: healthTokens
    emablerApiKey: emablerApiKey
    kafkaPassword: kafkaPassword
  }
}

module servicebus 'modules/servicebus.bicep' = {
  name: 'servicebus'
  scope: group
  params: {
    namespaceName: 'sb-${token}'
    queueName: pushEventsQueue
    location: location
    tags: tags
    vaultName: keyvault.outputs.name
    appPrincipalId: identity.outputs.principalId
    workspaceId: monitoring.outputs.workspaceId
  }
}

module functionapp 'modules/functionapp.bicep' = {
  name: 'functionapp'
  scope: group
  params: {
    planName: 'plan-${token}'
    name: 'func-${token}'
    location: location
    tags: union(tags, { 'azd-service-name': 'api' })
    pythonVersion: pythonVersion
    instanceMemoryMB: instanceMemoryMB
    maximumInstanceCount: maximumInstanceCount
    alwaysReadyHttp: alwaysReadyHttp
    alwaysReadyPushEvents: alwaysReadyPushEvents
    alwaysReadyPushEventsKafka: empty(kafkaBrokerList) ? 0 : alwaysReadyPushEventsKafka
    httpPerInstanceConcurrency: httpPerInstanceConcurrency
    pushEventsBatchSize: pushEventsBatchSize
    identityId: identity.outputs.id
    identityClientId: identity.outputs.clientId
    blobEndpoint: storage.outputs.blobEndpoint
    packageContainer: packageContainer
    componentName: monitoring.outputs.componentName
    outboundSubnetId: outboundSubnetId
    ownSettings: union(ownSettings, empty(kafkaBrokerList) ? {} : kafkaSettings)
  }
}

module alerts 'modules/alerts.bicep' = {
  name: 'alerts'
  scope: group
  params: {
    location: location
    tags: tags
    email: alertEmail
    webhookUri: alertWebhookUri
    workspaceId: monitoring.outputs.workspaceId
    namespaceId: servicebus.outputs.namespaceId
    queueName: servicebus.outputs.queueName
    pollsEmabler: pollsEmabler
    readsKafka: !empty(kafkaBrokerList)
    tapP95BudgetMs: tapP95BudgetMs
    quarantinedPerHour: quarantinedPerHour
  }
}

module workbook 'modules/workbook.bicep' = {
  name: 'workbook'
  scope: group
  params: {
    displayName: 'eMabler to Azure (${environmentName})'
    location: location
    tags: tags
    componentId: monitoring.outputs.componentId
    workspaceId: monitoring.outputs.workspaceId
    namespaceId: servicebus.outputs.namespaceId
  }
}

module people 'modules/people.bicep' = if (!empty(operatorPrincipalId)) {
  name: 'people'
  scope: group
  params: {
    principalId: operatorPrincipalId
    principalType: operatorPrincipalType
    vaultName: keyvault.outputs.name
    storageName: storage.outputs.name
    namespaceName: servicebus.outputs.namespaceName
    queueName: servicebus.outputs.queueName
  }
}

// azd keeps these in its environment: names and addresses, nothing secret.

output AZURE_LOCATION string = location
output AZURE_RESOURCE_GROUP string = group.name
output AZURE_KEY_VAULT_NAME string = keyvault.outputs.name
output SERVICE_API_NAME string = functionapp.outputs.name
output SERVICE_API_URL string = functionapp.outputs.url
output SERVICE_BUS_NAMESPACE string = servicebus.outputs.namespaceName
output SERVICE_BUS_HOST string = servicebus.outputs.hostName
output PUSH_EVENTS_QUEUE string = servicebus.outputs.queueName
output STORAGE_ACCOUNT_NAME string = storage.outputs.name
output TABLE_ENDPOINT string = storage.outputs.tableEndpoint
output APPLICATION_INSIGHTS_NAME string = monitoring.outputs.componentName
