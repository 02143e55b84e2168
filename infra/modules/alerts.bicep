// What somebody has to be told, and where. Severities are Azure's: 1 error, 2 warning, 3 informational.

@description('Azure region of the log alerts.')
param location string

@description('Tags of all alerts.')
param tags object

@description('Address that gets mail; empty for none.')
param email string

@secure()
@description('Address that gets alerts in the common schema; empty for none. It often carries a key.')
param webhookUri string

@description('Resource id of the Log Analytics workspace.')
param workspaceId string

@description('Resource id of the Service Bus namespace.')
param namespaceId string

@description('Name of the queue.')
param queueName string

@description('Whether the app polls eMabler; without that, silence of the polls is no trouble.')
param pollsEmabler bool

@description('Whether events come over Kafka; without that, its silence is no trouble.')
param readsKafka bool

@description('95 of 100 taps must be answered within so many milliseconds.')
param tapP95BudgetMs int

@description('Messages set aside in an hour that are no trouble.')
param quarantinedPerHour int

// Also there where nobody is to be told yet: alerts then stand in the portal alone.
resource group 'Microsoft.Insights/actionGroups@2023-01-01' = {
  name: 'emabler-operators'
  location: 'global'
  tags: tags
  properties: {
    enabled: true
    groupShortName: 'emabler'
    emailReceivers: empty(email)
      ? []
      : [
          {
            name: 'mail'
            emailAddress: email
            useCommonAlertSchema: true
          }
        ]
    webhookReceivers: empty(webhookUri)
      ? []
      : [
          {
            name: 'webhook'
            serviceUri: webhookUri
            useCommonAlertSchema: true
          }
        ]
  }
}

// On the bus itself, so they hold when the app is dead and its telemetry with it.
var busRules = [
  {
    name: 'dead-letters'
    description: 'The queue gave up on messages: look at them (docs/deploy.md), mend the cause, send them back.'
    severity: 1
    metric: 'DeadletteredMessages'
    aggregation: 'Maximum'
    threshold: 0
    window: 'PT5M'
    frequency: 'PT5M'
  }
  {
    // There is no metric of a message's age. A queue that works is empty now and then.
    name: 'queue-not-empty'
    description: 'For half an hour the queue was not once empty: the app does not keep up, or does not run.'
    severity: 2
    metric: 'ActiveMessages'
    aggregation: 'Minimum'
    threshold: 0
    window: 'PT30M'
    frequency: 'PT5M'
  }
  {
    name: 'bus-throttles'
    description: 'Service Bus refused requests because there were too many: eMabler or the app had to wait.'
    severity: 3
    metric: 'ThrottledRequests'
    aggregation: 'Total'
    threshold: 0
    window: 'PT15M'
    frequency: 'PT5M'
  }
]

resource busAlerts 'Microsoft.Insights/metricAlerts@2018-03-01' = [
  for rule in busRules: {
    name: 'emabler-${rule.name}'
    location: 'global'
    tags: tags
    properties: {
      description: rule.description
      severity: rule.severity
      enabled: true
      autoMitigate: true
      scopes: [namespaceId]
      evaluationFrequency: rule.frequency
      windowSize: rule.window
      criteria: {
        'odata.type': 'Microsoft.Azure.Monitor.SingleResourceMultipleMetricCriteria'
        allOf: [
          {
            name: rule.name
            criterionType: 'StaticThresholdCriterion'
            metricNamespace: 'Microsoft.ServiceBus/namespaces'
            metricName: rule.metric
            timeAggregation: rule.aggregation
            operator: 'GreaterThan'
            threshold: rule.threshold
            dimensions: [
              {
                name: 'EntityName'
                operator: 'Include'
                values: [queueName]
              }
            ]
            // A new namespace has no series yet.
            skipMetricValidation: true
          }
        ]
      }
      actions: [{ actionGroupId: group.id }]
    }
  }
]

// Every query gives a row where something is wrong, and none where all is well; so one condition serves all of them, and
// silence can be an alarm: a summarize without `by` has a row for an empty table, too. Rows that stand for others, left
// out by sampling, say so in ItemCount.
var tapDoors = 'Name has_any ("realtime_auth", "realtime-auth", "push_webhook") or Url has_any ("/api/realtime-auth", "/api/push")'

var appRules = [
  {
    // Of both doors by which taps come. A worker that crashed answers 500 without a word of its own, so the host's
    // requests; the host may keep some of them to itself, so the app's own counts, too, which are never sampled.
    name: 'taps-fail'
    description: 'Taps were not decided by the rules: an error of the server, storage, or a setting. REALTIME_AUTH_ON_FAILURE or eMabler\'s own fallback decided who may charge.'
    severity: 1
    frequency: 'PT5M'
    window: 'PT15M' // longer than the frequency, because telemetry comes minutes late
    steps: [
      'union AppRequests, AppMetrics'
      'where ${tapDoors} or Name == "emabler.taps"'
      'extend undecided = tostring(Properties.answer) == "failed" or tostring(Properties.rule) startswith "on-failure-"'
      'summarize errors = sumif(ItemCount, toint(ResultCode) >= 500), fallbacks = sumif(Sum, Name == "emabler.taps" and undecided)'
      'where errors > 0 or fallbacks > 0'
    ]
  }
  {
    // A wrong token, or none in the vault yet: every driver is refused with 401, which is no error of a server.
    name: 'taps-locked-out'
    description: 'Nobody who asks about a tap shows a good token, and no tap is answered: compare the secret realtime-auth-tokens with what eMabler sends.'
    severity: 1
    frequency: 'PT5M'
    window: 'PT30M'
    steps: [
      'AppMetrics'
      'where Name in ("emabler.callers.refused", "emabler.taps")'
      'summarize refused = sumif(Sum, Name == "emabler.callers.refused"), answered = sumif(Sum, Name == "emabler.taps")'
      'where refused >= 3 and answered == 0'
    ]
  }
  {
    // The app's own span, because its name is ours and it is of taps alone; the host's requests are in the workbook.
    name: 'taps-slow'
    description: 'Of 100 taps, more than 5 took longer than the budget. Cold starts, storage, or too few instances.'
    severity: 2
    frequency: 'PT5M'
    window: 'PT15M'
    steps: [
      'AppDependencies'
      'where Name == "answer tap"'
      'summarize taps = sum(ItemCount), p95_ms = percentilew(DurationMs, ItemCount, 95)'
      'where taps >= 5 and p95_ms > ${tapP95BudgetMs}'
    ]
  }
  {
    name: 'push-gaps'
    description: 'REST shows what push does not tell: "emabler gaps" lists the chargers, docs/polling.md what to do.'
    severity: 2
    frequency: 'PT15M'
    window: 'PT30M'
    steps: [
      'AppMetrics'
      'where Name == "emabler.push.gaps"'
      'summarize arg_max(TimeGenerated, Max)'
      'where Max > 0'
    ]
  }
  {
    name: 'quarantine-grows'
    description: 'Messages came that cannot be used: the table Quarantine has them whole, each with its reason.'
    severity: 2
    frequency: 'PT15M'
    window: 'PT1H'
    steps: [
      'AppMetrics'
      'where Name == "emabler.push.quarantined"'
      'summarize quarantined = sum(Sum)'
      'where quarantined > ${quarantinedPerHour}'
    ]
  }
  {
    name: 'reconciliation-drifts'
    description: 'Push and REST tell sessions differently: the table Reconciliation says which.'
    severity: 3
    frequency: 'PT1H'
    window: 'PT6H'
    steps: [
      'AppMetrics'
      'where Name == "emabler.reconciliation.unexplained"'
      'summarize unexplained = sum(Sum)'
      'where unexplained > 0'
    ]
  }
]

var pollRules = [
  {
    // No success, rather than failures: that also finds a timer that is off, crashes, or was never scheduled. Either the
    // app says that a poll succeeded or the host does, of an instance that ended before it could tell.
    name: 'polls-silent'
    description: 'For an hour no poll of chargers, or none of sessions, has succeeded: /api/health says why.'
    severity: 2
    frequency: 'PT15M'
    window: 'PT1H'
    steps: [
      'union AppRequests, AppMetrics'
      'extend kind = case(Name == "emabler.poll.runs" and tostring(Properties.outcome) == "succeeded" and Sum > 0, tostring(Properties.kind), Name has "poll_chargers" and Success, "chargers", Name has "poll_statistics" and Success, "sessions", "")'
      'summarize chargers = countif(kind == "chargers"), sessions = countif(kind == "sessions")'
      'where chargers < 1 or sessions < 1'
    ]
  }
]

// Kafka has neither a queue whose length Azure knows nor dead letters, so what the alerts on the bus see is seen here.
var kafkaRules = [
  {
    name: 'kafka-gives-back'
    description: 'Storage takes no events, or a setting is wrong, so batches come again until that is mended: Kafka keeps them for as long as its retention says.'
    severity: 2
    frequency: 'PT5M'
    window: 'PT15M'
    steps: [
      'AppMetrics'
      'where Name == "emabler.ingest.duration" and tostring(Properties.outcome) == "given_back"'
      'summarize given_back = sum(ItemCount)'
      'where given_back > 0'
    ]
  }
  {
    name: 'kafka-silent'
    description: 'For six hours no event came first over Kafka: the app does not reach the brokers, is not let in, or does not run (docs/kafka.md).'
    severity: 2
    frequency: 'PT1H'
    window: 'PT6H'
    steps: [
      'AppMetrics'
      'summarize told = countif(Name == "emabler.push.events" and tostring(Properties.transport) == "kafka")'
      'where told < 1'
    ]
  }
]

resource appAlerts 'Microsoft.Insights/scheduledQueryRules@2023-12-01' = [
  for rule in concat(appRules, pollsEmabler ? pollRules : [], readsKafka ? kafkaRules : []): {
    name: 'emabler-${rule.name}'
    location: location
    tags: tags
    kind: 'LogAlert'
    properties: {
      displayName: 'eMabler: ${rule.name}'
      description: rule.description
      severity: rule.severity
      enabled: true
      autoMitigate: true
      // Before the app's first telemetry the tables do not exist, and validation would stop the first deployment.
      skipQueryValidation: true
      scopes: [workspaceId]
      evaluationFrequency: rule.frequency
      windowSize: rule.window
      criteria: {
        allOf: [
          {
            query: join(rule.steps, '\n| ')
            timeAggregation: 'Count'
            operator: 'GreaterThan'
            threshold: 0
            failingPeriods: {
              numberOfEvaluationPeriods: 1
              minFailingPeriodsToAlert: 1
            }
          }
        ]
      }
      actions: {
        actionGroups: [group.id]
      }
    }
  }
]

// The root key cannot be deleted and opens everything on the bus. Nobody needs it, so whoever lists it has to explain.
// Azure gives alerts of the activity log no severity of their own; the message carries ours.
resource rootKeyListed 'Microsoft.Insights/activityLogAlerts@2020-10-01' = {
  name: 'emabler-root-key-listed'
  location: 'global'
  tags: tags
  properties: {
    description: 'Severity 1: somebody listed a key of the whole namespace. Ask who, then renew it (docs/deploy.md).'
    enabled: true
    scopes: [namespaceId]
    condition: {
      allOf: [
        {
          field: 'category'
          equals: 'Administrative'
        }
        {
          field: 'operationName'
          equals: 'Microsoft.ServiceBus/namespaces/authorizationRules/listKeys/action'
        }
      ]
    }
    actions: {
      actionGroups: [
        {
          actionGroupId: group.id
          webhookProperties: {
            severity: '1'
          }
        }
      ]
    }
  }
}
