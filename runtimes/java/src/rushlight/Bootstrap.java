package rushlight;

import com.amazonaws.services.lambda.runtime.LambdaRuntime;
import com.amazonaws.services.lambda.runtime.LambdaRuntimeInternal;
import java.io.BufferedOutputStream;
import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.IOError;
import java.io.PrintStream;
import java.lang.reflect.Field;
import java.net.URLClassLoader;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Map;

/** Loads a Java handler and runs it once for each frame on an inherited socket. */
public final class Bootstrap {
    // Instead of a count of variables: the process has them already.
    static final int KEEP = -1;

    private final Wire wire;
    private Invocation.Settings settings;
    private Logger logger;
    private ClassLoader loader;

    private Bootstrap(Wire wire) {
        this.wire = wire;
    }

    public static void main(String[] arguments) throws Throwable {
        Bootstrap bootstrap = new Bootstrap(new Wire(Integer.parseInt(arguments[0])));
        if (System.getenv("RUSHLIGHT_WARM") != null) {
            Warm.up(bootstrap.wire);
        }
        bootstrap.run();
    }

    private void run() throws Throwable {
        System.setOut(printing(FileDescriptor.out));
        System.setErr(printing(FileDescriptor.err));
        wire.send(Wire.STARTED, new byte[0], new byte[0]);
        ByteBuffer frame = wire.read();
        long began = System.nanoTime();
        if (frame.get() != Wire.INIT) {
            Runtime.getRuntime().halt(70);
        }
        settings = new Invocation.Settings(frame);
        String classpath = applyVariables(frame).remove("RUSHLIGHT_CLASSPATH");
        logger = new Logger(wire);
        useLogger(logger);
        loader = Handlers.loader(classpath);
        Thread.currentThread().setContextClassLoader(loader);
        Handlers.Handler handler = load();
        flush();
        wire.ready((System.nanoTime() - began) / 1000);
        serve(handler);
    }

    private Handlers.Handler load() {
        try {
            return Handlers.find(settings.handler, loader);
        } catch (Faults.UserFault fault) {
            flush();
            logger.log(Faults.report(fault), com.amazonaws.services.lambda.runtime.logging.LogLevel.UNDEFINED);
            wire.answer(Wire.INIT_FAULT, Faults.body(fault));
            Runtime.getRuntime().halt(1);
            throw fault;
        }
    }

    private void serve(Handlers.Handler handler) throws Throwable {
        for (; ; ) {
            ByteBuffer frame = wire.read();
            if (frame.get() != Wire.INVOKE) {
                Runtime.getRuntime().halt(70);
            }
            Invocation invocation = new Invocation(frame, settings, logger);
            System.setProperty("com.amazonaws.xray.traceHeader", invocation.trace);
            logger.requestId = invocation.getAwsRequestId();
            tellLog4j(invocation);
            try {
                byte[] result = handler.call(invocation.payload, invocation);
                flush();
                if (result.length > settings.responseMax) {
                    wire.answer(Wire.TOO_LARGE, new byte[0]);
                } else {
                    wire.answer(Wire.RESULT, result);
                }
                Thread.interrupted();
            } catch (Throwable thrown) {
                boolean ends = thrown instanceof VirtualMachineError || thrown instanceof IOError;
                byte[] body = Faults.body(thrown);
                flush();
                logger.log(Faults.report(thrown));
                wire.answer(ends ? Wire.FATAL : Wire.FAULT, body);
                if (ends) {
                    Runtime.getRuntime().halt(1);
                }
            }
            logger.requestId = null;
        }
    }

    /** Log4j's appender writes the request id that it finds here. */
    private void tellLog4j(Invocation invocation) {
        if (!LambdaRuntimeInternal.getUseLog4jAppender()) {
            return;
        }
        try {
            Class<?> context = Class.forName("org.apache.logging.log4j.ThreadContext", true, loader);
            context.getMethod("put", String.class, String.class).invoke(null, "AWSRequestId", invocation.getAwsRequestId());
        } catch (ReflectiveOperationException none) {
            System.err.println("Customer using log4j appender but unable to load either org.apache.log4j.MDC or"
                + " org.apache.logging.log4j.ThreadContext. Customer cannot see RequestId in log4j log lines.");
        }
    }

    /** What LambdaRuntime.getLogger() gives. */
    static void useLogger(Logger logger) throws ReflectiveOperationException {
        Field field = LambdaRuntime.class.getDeclaredField("logger");
        field.setAccessible(true);
        field.set(null, logger);
    }

    private static void flush() {
        System.out.flush();
        System.err.flush();
    }

    /** Lines leave as they end. */
    private static PrintStream printing(FileDescriptor descriptor) {
        return new PrintStream(new BufferedOutputStream(new FileOutputStream(descriptor), 8192), true, StandardCharsets.UTF_8);
    }

    /** Java reads its variables once, when it is first asked for one, and gives no way to set them. */
    @SuppressWarnings("unchecked")
    static Map<String, String> applyVariables(ByteBuffer frame) throws ReflectiveOperationException {
        Field shown = Class.forName("java.lang.ProcessEnvironment").getDeclaredField("theUnmodifiableEnvironment");
        shown.setAccessible(true);
        Map<String, String> wrapped = (Map<String, String>) shown.get(null);
        Field inner = wrapped.getClass().getDeclaredField("m");
        inner.setAccessible(true);
        Map<String, String> variables = (Map<String, String>) inner.get(wrapped);
        int count = frame.getInt();
        if (count != KEEP) {
            variables.clear();
        }
        for (int left = count; left > 0; left--) {
            String name = Wire.text(frame);
            variables.put(name, Wire.text(frame));
        }
        return variables;
    }
}
