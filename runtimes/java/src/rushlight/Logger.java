package rushlight;

import com.amazonaws.services.lambda.runtime.LambdaLogger;
import com.amazonaws.services.lambda.runtime.logging.LogLevel;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.time.temporal.ChronoUnit;

/** The function's logger: plain lines, or objects where the function's log format is JSON. */
final class Logger implements LambdaLogger {
    private final Wire wire;
    private final boolean json;
    private final LogLevel least;
    volatile String requestId;

    Logger(Wire wire) {
        this.wire = wire;
        json = "JSON".equals(System.getenv("AWS_LAMBDA_LOG_FORMAT"));
        String level = System.getenv("AWS_LAMBDA_LOG_LEVEL");
        least = level == null ? LogLevel.UNDEFINED : LogLevel.fromString(level);
    }

    @Override
    public void log(String message) {
        log(message, LogLevel.UNDEFINED);
    }

    @Override
    public void log(byte[] message) {
        log(message, LogLevel.UNDEFINED);
    }

    @Override
    public void log(byte[] message, LogLevel level) {
        if (message == null) {
            log("null", level);
        } else if (passes(level)) {
            System.out.flush();
            wire.log(message);
        }
    }

    @Override
    public void log(String message, LogLevel level) {
        if (!passes(level)) {
            return;
        }
        // What was printed before stands before it.
        System.out.flush();
        wire.log(line(String.valueOf(message), level).getBytes(StandardCharsets.UTF_8));
    }

    private boolean passes(LogLevel level) {
        return level == LogLevel.UNDEFINED || level.ordinal() >= least.ordinal();
    }

    private String line(String message, LogLevel level) {
        if (!json) {
            return level == LogLevel.UNDEFINED ? message : "[" + level + "] " + message;
        }
        StringBuilder out = new StringBuilder("{\"timestamp\":\"");
        out.append(Instant.now().truncatedTo(ChronoUnit.MILLIS)).append("\",\"message\":");
        Json.quote(out, message);
        out.append(",\"level\":\"").append(level).append('"');
        if (requestId != null) {
            out.append(",\"AWSRequestId\":\"").append(requestId).append('"');
        }
        return out.append('}').toString();
    }
}
