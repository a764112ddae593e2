exports.handler = async (event, context, callback) => {
let result = { event: event, context: context };
let name = event.name || "no name";
context.succeed(`Hello ${name}`);
};
