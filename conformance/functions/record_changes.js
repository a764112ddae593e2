// Behind the table's stream: writes one line a record to its log.
exports.handler = async (event) => {
  for (const record of event.Records) {
    console.log("CHANGE " + JSON.stringify({
      name: record.eventName,
      key: record.dynamodb.Keys.id.S,
      old: record.dynamodb.OldImage?.name?.S,
      new: record.dynamodb.NewImage?.name?.S,
      source: record.eventSource,
    }));
  }
  return `${event.Records.length} records`;
};
