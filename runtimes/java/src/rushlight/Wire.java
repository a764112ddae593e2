package rushlight;

import java.io.FileDescriptor;
import java.io.FileInputStream;
import java.io.FileOutputStream;
import java.io.IOException;
import java.lang.reflect.Field;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;

/** Frames on the inherited socket: see crates/sandbox/src/frame.rs. Knows no handler. */
final class Wire {
    static final int INIT = 1, INVOKE = 2;
    static final int READY = 16, INIT_FAULT = 17, RESULT = 18, FAULT = 19, LOG = 20, TOO_LARGE = 21, FATAL = 22, STARTED = 25;
    private static final int LOG_BYTES_MAX = 256 * 1024;
    private static final long RSS_EVERY_NS = 50_000_000;

    private final FileInputStream in;
    private final FileOutputStream out;
    private byte[] inbox = new byte[64 * 1024];
    private int have;
    private long rssAt;
    private int rss;

    Wire(int number) throws ReflectiveOperationException {
        FileDescriptor descriptor = new FileDescriptor();
        Field field = FileDescriptor.class.getDeclaredField("fd");
        field.setAccessible(true);
        field.setInt(descriptor, number);
        in = new FileInputStream(descriptor);
        out = new FileOutputStream(descriptor);
    }

    /** The next frame, its kind at 0. Ends the process when the server has gone. */
    ByteBuffer read() throws IOException {
        fill(4);
        int length = ByteBuffer.wrap(inbox).order(ByteOrder.LITTLE_ENDIAN).getInt(0);
        if (inbox.length < 4 + length) {
            inbox = java.util.Arrays.copyOf(inbox, 4 + length);
        }
        fill(4 + length);
        byte[] frame = java.util.Arrays.copyOfRange(inbox, 4, 4 + length);
        have -= 4 + length;
        System.arraycopy(inbox, 4 + length, inbox, 0, have);
        if (inbox.length > 1 << 20 && have < 1 << 16) {
            inbox = java.util.Arrays.copyOf(inbox, 1 << 16);
        }
        return ByteBuffer.wrap(frame).order(ByteOrder.LITTLE_ENDIAN);
    }

    private void fill(int wanted) throws IOException {
        while (have < wanted) {
            int n = in.read(inbox, have, inbox.length - have);
            if (n < 0) {
                Runtime.getRuntime().halt(0);
            }
            have += n;
        }
    }

    static String text(ByteBuffer frame) {
        byte[] bytes = new byte[frame.getInt()];
        frame.get(bytes);
        return new String(bytes, StandardCharsets.UTF_8);
    }

    synchronized void send(int kind, byte[] head, byte[] body) {
        ByteBuffer frame = ByteBuffer.allocate(5 + head.length + body.length).order(ByteOrder.LITTLE_ENDIAN);
        frame.putInt(1 + head.length + body.length).put((byte) kind).put(head).put(body);
        try {
            out.write(frame.array());
        } catch (IOException gone) {
            Runtime.getRuntime().halt(0);
        }
    }

    /** A frame that begins with the process's largest size. */
    void answer(int kind, byte[] body) {
        send(kind, little(4).putInt(maxRssKib()).array(), body);
    }

    void ready(long tookMicros) {
        send(READY, little(12).putInt(maxRssKib()).putLong(tookMicros).array(), new byte[0]);
    }

    void log(byte[] text) {
        int length = text.length > 0 && text[text.length - 1] == '\n' ? text.length - 1 : text.length;
        byte[] cut = java.util.Arrays.copyOf(text, Math.min(length, LOG_BYTES_MAX));
        send(LOG, little(8).putLong(System.currentTimeMillis()).array(), cut);
    }

    private static ByteBuffer little(int size) {
        return ByteBuffer.allocate(size).order(ByteOrder.LITTLE_ENDIAN);
    }

    /** Asking the kernel takes longer than a short handler does. */
    int maxRssKib() {
        long now = System.nanoTime();
        if (rss == 0 || now - rssAt > RSS_EVERY_NS) {
            rssAt = now;
            rss = readMaxRss();
        }
        return rss;
    }

    private static int readMaxRss() {
        try {
            String status = Files.readString(Path.of("/proc/self/status"));
            int at = status.indexOf("VmHWM:");
            int end = status.indexOf("kB", at);
            return at < 0 ? 0 : Integer.parseInt(status.substring(at + 6, end).trim());
        } catch (IOException | RuntimeException unknown) {
            return 0;
        }
    }
}
