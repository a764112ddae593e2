package rushlight;

import com.amazonaws.services.lambda.runtime.Client;
import com.amazonaws.services.lambda.runtime.ClientContext;
import com.amazonaws.services.lambda.runtime.CognitoIdentity;
import com.amazonaws.services.lambda.runtime.Context;
import com.amazonaws.services.lambda.runtime.LambdaLogger;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.Map;

/** One invocation, and what a handler learns of it. */
final class Invocation implements Context {
    final String trace;
    final byte[] payload;
    private final long deadline;
    private final String requestId;
    private final String arn;
    private final ClientContext client;
    private final Settings settings;
    private final Logger logger;

    /** What stays the same for a function. */
    static final class Settings {
        final String root, handler, runtime, name, version, memory, logGroup, logStream;
        final int responseMax;

        Settings(ByteBuffer frame) {
            root = Wire.text(frame);
            handler = Wire.text(frame);
            runtime = Wire.text(frame);
            name = Wire.text(frame);
            version = Wire.text(frame);
            memory = Wire.text(frame);
            logGroup = Wire.text(frame);
            logStream = Wire.text(frame);
            responseMax = frame.getInt();
        }
    }

    Invocation(ByteBuffer frame, Settings settings, Logger logger) {
        this.settings = settings;
        this.logger = logger;
        deadline = frame.getLong();
        requestId = Wire.text(frame);
        arn = Wire.text(frame);
        trace = Wire.text(frame);
        client = client(Wire.text(frame));
        payload = new byte[frame.remaining()];
        frame.get(payload);
    }

    private static ClientContext client(String json) {
        if (json.isEmpty()) {
            return null;
        }
        try {
            Object parsed = Json.parse(json.getBytes(StandardCharsets.UTF_8));
            return parsed instanceof Map ? new Sent((Map<?, ?>) parsed) : null;
        } catch (IOException none) {
            return null;
        }
    }

    private static final class Sent implements ClientContext, Client {
        private final Map<?, ?> of;
        private final Map<?, ?> client;

        Sent(Map<?, ?> of) {
            this.of = of;
            this.client = of.get("client") instanceof Map ? (Map<?, ?>) of.get("client") : null;
        }

        private Map<String, String> texts(String name) {
            if (!(of.get(name) instanceof Map)) {
                return null;
            }
            Map<String, String> texts = new LinkedHashMap<>();
            ((Map<?, ?>) of.get(name)).forEach((key, value) -> texts.put(String.valueOf(key), value == null ? null : String.valueOf(value)));
            return texts;
        }

        private String text(String name) {
            return client.get(name) == null ? null : String.valueOf(client.get(name));
        }

        @Override
        public Client getClient() {
            return client == null ? null : this;
        }

        @Override
        public Map<String, String> getCustom() {
            return texts("custom");
        }

        @Override
        public Map<String, String> getEnvironment() {
            return texts("env");
        }

        @Override
        public String getInstallationId() {
            return text("installation_id");
        }

        @Override
        public String getAppTitle() {
            return text("app_title");
        }

        @Override
        public String getAppVersionName() {
            return text("app_version_name");
        }

        @Override
        public String getAppVersionCode() {
            return text("app_version_code");
        }

        @Override
        public String getAppPackageName() {
            return text("app_package_name");
        }
    }

    @Override
    public String getAwsRequestId() {
        return requestId;
    }

    @Override
    public String getLogGroupName() {
        return settings.logGroup;
    }

    @Override
    public String getLogStreamName() {
        return settings.logStream;
    }

    @Override
    public String getFunctionName() {
        return settings.name;
    }

    @Override
    public String getFunctionVersion() {
        return settings.version;
    }

    @Override
    public String getInvokedFunctionArn() {
        return arn;
    }

    @Override
    public CognitoIdentity getIdentity() {
        return null;
    }

    @Override
    public ClientContext getClientContext() {
        return client;
    }

    @Override
    public int getRemainingTimeInMillis() {
        return (int) (deadline - System.currentTimeMillis());
    }

    @Override
    public int getMemoryLimitInMB() {
        return Integer.parseInt(settings.memory);
    }

    @Override
    public LambdaLogger getLogger() {
        return logger;
    }

    @Override
    public String getXrayTraceId() {
        return trace;
    }
}
