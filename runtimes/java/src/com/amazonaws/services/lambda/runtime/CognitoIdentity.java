package com.amazonaws.services.lambda.runtime;

/** The identity that invoked the function through the mobile SDK. */
public interface CognitoIdentity {
    String getIdentityId();

    String getIdentityPoolId();
}
