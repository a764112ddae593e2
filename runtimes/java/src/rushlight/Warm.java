package rushlight;

import com.amazonaws.services.lambda.runtime.Context;
import com.amazonaws.services.lambda.runtime.RequestHandler;
import java.io.File;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;

/** Only in a process of the pool, where nobody waits for it: loads the classes that the first invocation will need. */
public final class Warm {
    private String text;
    private Map<String, List<Integer>> numbers;

    public String getText() {
        return text;
    }

    public void setText(String text) {
        this.text = text;
    }

    public Map<String, List<Integer>> getNumbers() {
        return numbers;
    }

    public void setNumbers(Map<String, List<Integer>> numbers) {
        this.numbers = numbers;
    }

    public static Warm handle(Warm event, Context context) {
        return event;
    }

    /** A handler of the other kind. */
    public static final class Plain implements RequestHandler<Map<String, Object>, Object> {
        @Override
        public Object handleRequest(Map<String, Object> event, Context context) {
            return event;
        }
    }

    static void up(Wire wire) throws Throwable {
        Logger logger = new Logger(wire);
        Bootstrap.useLogger(logger);
        Bootstrap.applyVariables(frame(Bootstrap.KEEP));
        wire.maxRssKib();
        Context context = new Invocation(frame(0), new Invocation.Settings(frame(0)), logger);
        String own = new File(Warm.class.getProtectionDomain().getCodeSource().getLocation().getPath()).getPath();
        byte[] event = "{\"text\":\"a\\n\",\"numbers\":{\"a\":[1,2.5]},\"none\":null}".getBytes(StandardCharsets.UTF_8);
        try (URLClassLoader loader = Handlers.loader("/tmp/:" + own)) {
            for (String name : new String[] {"rushlight.Warm::handle", "rushlight.Warm$Plain"}) {
                Handlers.Handler handler = Handlers.find(name, loader);
                for (int i = 0; i < 3; i++) {
                    handler.call(event, context);
                }
            }
        }
        // An archive opened as a function's would be.
        try (URLClassLoader loader = new URLClassLoader(new URL[] {new File(own).toURI().toURL()}, null)) {
            loader.loadClass("rushlight.Json").getDeclaredMethods();
        }
        Faults.body(new RuntimeException("warm"));
    }

    /** A frame of empty texts and no numbers, but for the first. */
    private static ByteBuffer frame(int first) {
        return ByteBuffer.allocate(64).order(ByteOrder.LITTLE_ENDIAN).putInt(0, first);
    }
}
