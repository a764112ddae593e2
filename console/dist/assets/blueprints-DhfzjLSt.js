var e=`exports.handler = async (event, context, callback) => {
  let name = event.name || "no name";
  context.succeed(\`Hello \${name}\`);
};
`,t=`def lambda_handler(event, context):
    name = event.get("name") or "no name"
    return f"Hello {name}"
`,n=`console.log('Loading function');

exports.handler = async (event) => {
    for (const record of event.Records) {
        console.log(record.eventID, record.eventName);
        console.log('DynamoDB Record: %j', record.dynamodb);
    }
    return \`Successfully processed \${event.Records.length} records.\`;
};
`,r=`import json

print('Loading function')


def lambda_handler(event, context):
    for record in event['Records']:
        print(record['eventID'], record['eventName'])
        print("DynamoDB Record: " + json.dumps(record['dynamodb'], indent=2))
    return 'Successfully processed {} records.'.format(len(event['Records']))
`,i=[{id:`nodejs`,runtime:`nodejs20.x`,file:`index.js`,handler:`index.handler`,code:e},{id:`python`,runtime:`python3.13`,file:`lambda_function.py`,handler:`lambda_function.lambda_handler`,code:t}],a=[{id:`dynamodb-process-stream`,runtime:`nodejs20.x`,file:`index.js`,handler:`index.handler`,code:n,trigger:!0,description:`An Amazon DynamoDB trigger that logs the updates made to a table.`},{id:`dynamodb-process-stream-python`,runtime:`python3.13`,file:`lambda_function.py`,handler:`lambda_function.lambda_handler`,code:r,trigger:!0,description:`An Amazon DynamoDB trigger that logs the updates made to a table.`}],o=[`nodejs24.x`,`nodejs22.x`,`nodejs20.x`,`python3.14`,`python3.13`,`python3.12`,`python3.11`,`python3.10`,`python3.9`];function s(e){let[t,n]=i;return e.startsWith(`python`)?n:t}export{o as n,s as r,a as t};