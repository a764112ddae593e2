package rushlight;

import java.io.File;
import java.net.URL;
import java.net.URLClassLoader;
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

    public static Warm handle(Warm event, com.amazonaws.services.lambda.runtime.Context context) {
        return event;
    }

    static void up() throws Throwable {
        String own = new File(Warm.class.getProtectionDomain().getCodeSource().getLocation().getPath()).getPath();
        byte[] event = "{\"text\":\"a\\n\",\"numbers\":{\"a\":[1,2.5]},\"none\":null}".getBytes(StandardCharsets.UTF_8);
        try (URLClassLoader loader = Handlers.loader("/tmp/:" + own)) {
            Handlers.Handler handler = Handlers.find("rushlight.Warm::handle", loader);
            for (int i = 0; i < 3; i++) {
                handler.call(event, null);
            }
        }
        // An archive opened as a function's would be.
        try (URLClassLoader loader = new URLClassLoader(new URL[] {new File(own).toURI().toURL()}, null)) {
            loader.loadClass("rushlight.Json").getDeclaredMethods();
        }
        Faults.body(new RuntimeException("warm"));
    }
}
