package com.amazonaws.services.lambda.runtime;

/** A handler of converted events. */
public interface RequestHandler<I, O> {
    O handleRequest(I input, Context context);
}
