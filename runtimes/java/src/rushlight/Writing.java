package rushlight;

import java.io.IOException;
import java.lang.reflect.Array;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.RecordComponent;
import java.math.BigDecimal;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.TemporalAccessor;
import java.util.Base64;
import java.util.Calendar;
import java.util.Collection;
import java.util.Date;
import java.util.Iterator;
import java.util.Map;
import java.util.Optional;

/** Converts what a handler returns into JSON, as AWS's runtime does with Jackson: members that are null are left out. */
final class Writing {
    private static final int DEPTH_MAX = 1000;

    private final StringBuilder out = new StringBuilder(256);
    private int depth;

    private Writing() {}

    static byte[] json(Object value) throws IOException {
        Writing writing = new Writing();
        writing.write(value);
        return writing.out.toString().getBytes(StandardCharsets.UTF_8);
    }

    private void write(Object value) throws IOException {
        if (++depth > DEPTH_MAX) {
            throw new IOException("Infinite recursion (StackOverflowError)");
        }
        if (value == null) {
            out.append("null");
        } else if (value instanceof CharSequence || value instanceof Character || value instanceof java.util.UUID
            || value instanceof java.net.URI || value instanceof java.net.URL || value instanceof java.util.Locale) {
            Json.quote(out, value.toString());
        } else if (value instanceof Number || value instanceof Boolean) {
            number(value);
        } else if (value instanceof Enum) {
            Json.quote(out, ((Enum<?>) value).name());
        } else if (value instanceof Map) {
            map((Map<?, ?>) value);
        } else if (value instanceof Collection) {
            list(((Collection<?>) value).iterator());
        } else if (value instanceof Iterator) {
            list((Iterator<?>) value);
        } else if (value.getClass().isArray()) {
            array(value);
        } else {
            other(value);
        }
        depth--;
    }

    private void number(Object value) {
        String text = value instanceof BigDecimal ? value.toString() : String.valueOf(value);
        boolean finite = !(value instanceof Double && !Double.isFinite((Double) value))
            && !(value instanceof Float && !Float.isFinite((Float) value));
        out.append(finite ? text : "\"" + text + "\"");
    }

    private void map(Map<?, ?> map) throws IOException {
        out.append('{');
        boolean first = true;
        for (Map.Entry<?, ?> entry : map.entrySet()) {
            if (entry.getValue() != null) {
                first = key(String.valueOf(entry.getKey()), first);
                write(entry.getValue());
            }
        }
        out.append('}');
    }

    private boolean key(String name, boolean first) {
        if (!first) {
            out.append(',');
        }
        Json.quote(out, name);
        out.append(':');
        return false;
    }

    private void list(Iterator<?> items) throws IOException {
        out.append('[');
        while (items.hasNext()) {
            write(items.next());
            if (items.hasNext()) {
                out.append(',');
            }
        }
        out.append(']');
    }

    private void array(Object value) throws IOException {
        if (value instanceof byte[]) {
            Json.quote(out, Base64.getEncoder().encodeToString((byte[]) value));
            return;
        }
        if (value instanceof char[]) {
            Json.quote(out, new String((char[]) value));
            return;
        }
        out.append('[');
        for (int i = 0; i < Array.getLength(value); i++) {
            if (i > 0) {
                out.append(',');
            }
            write(Array.get(value, i));
        }
        out.append(']');
    }

    private void other(Object value) throws IOException {
        if (value instanceof Optional) {
            write(((Optional<?>) value).orElse(null));
        } else if (value instanceof Date) {
            out.append(((Date) value).getTime());
        } else if (value instanceof Calendar) {
            out.append(((Calendar) value).getTimeInMillis());
        } else if (value instanceof Instant) {
            seconds(((Instant) value).getEpochSecond(), ((Instant) value).getNano());
        } else if (value instanceof Duration) {
            seconds(((Duration) value).getSeconds(), ((Duration) value).getNano());
        } else if (value instanceof java.time.OffsetDateTime || value instanceof java.time.ZonedDateTime) {
            other(Instant.from((TemporalAccessor) value));
        } else if (value instanceof java.time.LocalDate) {
            java.time.LocalDate date = (java.time.LocalDate) value;
            out.append('[').append(date.getYear()).append(',').append(date.getMonthValue()).append(',').append(date.getDayOfMonth()).append(']');
        } else if (value instanceof TemporalAccessor) {
            Json.quote(out, value.toString());
        } else if (value instanceof ByteBuffer) {
            ByteBuffer bytes = ((ByteBuffer) value).duplicate();
            byte[] copy = new byte[bytes.remaining()];
            bytes.get(copy);
            Json.quote(out, Base64.getEncoder().encodeToString(copy));
        } else if (value instanceof Class) {
            Json.quote(out, ((Class<?>) value).getName());
        } else if (value.getClass().getName().startsWith("org.joda.time.")) {
            Json.quote(out, value.toString());
        } else {
            bean(value);
        }
    }

    private void seconds(long seconds, int nanos) {
        out.append(BigDecimal.valueOf(seconds).add(BigDecimal.valueOf(nanos, 9)).setScale(9));
    }

    private void bean(Object value) throws IOException {
        out.append('{');
        boolean first = true;
        try {
            if (value.getClass().isRecord()) {
                for (RecordComponent component : value.getClass().getRecordComponents()) {
                    component.getAccessor().setAccessible(true);
                    first = member(component.getName(), component.getAccessor().invoke(value), first);
                }
            } else {
                for (Map.Entry<String, Beans.Reader> property : Beans.of(value.getClass()).readers.entrySet()) {
                    first = member(property.getKey(), property.getValue().read(value), first);
                }
            }
        } catch (InvocationTargetException thrown) {
            throw new IOException(thrown.getCause().getMessage() + " (through reference chain: " + value.getClass().getName() + ")", thrown.getCause());
        } catch (ReflectiveOperationException failure) {
            throw new IOException(failure);
        }
        out.append('}');
    }

    private boolean member(String name, Object value, boolean first) throws IOException {
        if (value == null) {
            return first;
        }
        key(name, first);
        write(value);
        return false;
    }
}
