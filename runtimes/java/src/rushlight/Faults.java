package rushlight;

import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.Set;

/** Failures in AWS's shapes: what the caller gets, and what stands in the log. */
final class Faults {
    private static final String OURS = "rushlight.";

    private Faults() {}

    /** A failure that is not the handler's own: its class is wrong, or cannot be found. */
    static final class UserFault extends RuntimeException {
        private static final long serialVersionUID = 1;
        final String type;
        final String trace;
        /** It fails the init, not the invocation. */
        final boolean fatal;

        UserFault(String message, Throwable of, boolean fatal) {
            super(message);
            this.type = of == null ? null : of.getClass().getName();
            this.trace = of == null ? null : traceOf(of);
            this.fatal = fatal;
        }

        UserFault(String message) {
            this(message, null, false);
        }

        @Override
        public synchronized Throwable fillInStackTrace() {
            return this;
        }
    }

    static byte[] body(Throwable thrown) {
        StringBuilder out = new StringBuilder(256);
        if (thrown instanceof UserFault) {
            UserFault fault = (UserFault) thrown;
            out.append("{\"errorMessage\":");
            Json.quote(out, fault.getMessage());
            if (fault.type != null) {
                out.append(",\"errorType\":");
                Json.quote(out, fault.type);
            }
            out.append('}');
        } else {
            withoutOurs(thrown, seen());
            write(out, thrown, seen());
        }
        return out.toString().getBytes(StandardCharsets.UTF_8);
    }

    private static void write(StringBuilder out, Throwable thrown, Set<Throwable> seen) {
        seen.add(thrown);
        out.append("{\"errorMessage\":");
        Json.quote(out, message(thrown));
        out.append(",\"errorType\":");
        Json.quote(out, thrown.getClass().getName());
        out.append(",\"stackTrace\":[");
        String separator = "";
        for (StackTraceElement element : thrown.getStackTrace()) {
            out.append(separator);
            Json.quote(out, element.toString());
            separator = ",";
        }
        out.append(']');
        if (thrown.getCause() != null && !seen.contains(thrown.getCause())) {
            out.append(",\"cause\":");
            write(out, thrown.getCause(), seen);
        }
        out.append('}');
    }

    static String message(Throwable thrown) {
        return thrown.getLocalizedMessage() == null ? thrown.getClass().getName() : thrown.getLocalizedMessage();
    }

    /** `message: type`, then the stack. */
    static String report(Throwable thrown) {
        if (thrown instanceof UserFault) {
            UserFault fault = (UserFault) thrown;
            return fault.type == null ? fault.getMessage() : fault.getMessage() + ": " + fault.type + "\n" + fault.trace;
        }
        return message(thrown) + ": " + thrown.getClass().getName() + "\n" + traceOf(thrown);
    }

    private static String traceOf(Throwable thrown) {
        withoutOurs(thrown, seen());
        StringWriter text = new StringWriter();
        thrown.printStackTrace(new PrintWriter(text, true));
        return text.toString();
    }

    /** Cuts each stack where this runtime begins. */
    private static void withoutOurs(Throwable thrown, Set<Throwable> seen) {
        if (thrown == null || !seen.add(thrown)) {
            return;
        }
        StackTraceElement[] stack = thrown.getStackTrace();
        for (int i = 0; i < stack.length; i++) {
            if (stack[i].getClassName().startsWith(OURS)) {
                thrown.setStackTrace(Arrays.copyOf(stack, i));
                break;
            }
        }
        withoutOurs(thrown.getCause(), seen);
        for (Throwable suppressed : thrown.getSuppressed()) {
            withoutOurs(suppressed, seen);
        }
    }

    private static Set<Throwable> seen() {
        return Collections.newSetFromMap(new IdentityHashMap<>());
    }

    /** Throws what a handler threw, declared or not. */
    @SuppressWarnings("unchecked")
    static <T extends Throwable> RuntimeException sneak(Throwable thrown) throws T {
        throw (T) thrown;
    }
}
