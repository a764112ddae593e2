// Behind the table's stream: one line in its log for each change of a member.
exports.handler = async (event) => {
  for (const { eventName, dynamodb } of event.Records) {
    console.log(eventName, dynamodb.Keys.id.S, JSON.stringify(dynamodb.NewImage ?? null));
  }
};
