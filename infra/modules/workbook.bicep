// The dashboard: infra/workbook.json, told which workspace to ask.

@description('Name that people see.')
param displayName string

@description('Azure region.')
param location string

@description('Tags of the workbook.')
param tags object

@description('Resource id of the Application Insights component in whose list of workbooks it stands.')
param componentId string

@description('Resource id of the Log Analytics workspace.')
param workspaceId string

@description('Resource id of the Service Bus namespace.')
param namespaceId string

var withWorkspace = replace(loadTextContent('../workbook.json'), '<workspace-id>', workspaceId)

resource workbook 'Microsoft.Insights/workbooks@2023-06-01' = {
  name: guid(resourceGroup().id, 'emabler-workbook')
  location: location
  tags: tags
  kind: 'shared'
  properties: {
    category: 'workbook'
    displayName: displayName
    sourceId: componentId
    version: 'Notebook/1.0'
    serializedData: replace(withWorkspace, '<namespace-id>', namespaceId)
  }
}
