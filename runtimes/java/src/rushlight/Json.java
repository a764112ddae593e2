package rushlight;

import java.io.IOException;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** JSON text to maps, lists, strings, numbers, booleans and null. Knows no class of a function. */
final class Json {
    private static final int DEPTH_MAX = 1000;

    private final String text;
    private int at;
    private int depth;

    private Json(String text) {
        this.text = text;
    }

    static Object parse(byte[] bytes) throws IOException {
        Json json = new Json(new String(bytes, StandardCharsets.UTF_8));
        Object value = json.value();
        json.space();
        if (json.at < json.text.length()) {
            throw json.wrong("Unexpected character after the value");
        }
        return value;
    }

    private Object value() throws IOException {
        space();
        switch (peek()) {
            case '{':
                return object();
            case '[':
                return array();
            case '"':
                return string();
            case 't':
                return word("true", Boolean.TRUE);
            case 'f':
                return word("false", Boolean.FALSE);
            case 'n':
                return word("null", null);
            default:
                return number();
        }
    }

    private Map<String, Object> object() throws IOException {
        Map<String, Object> map = new LinkedHashMap<>();
        open();
        if (closes('}')) {
            return map;
        }
        do {
            space();
            String key = string();
            space();
            expect(':');
            map.put(key, value());
        } while (continues('}'));
        return map;
    }

    private List<Object> array() throws IOException {
        List<Object> list = new ArrayList<>();
        open();
        if (closes(']')) {
            return list;
        }
        do {
            list.add(value());
        } while (continues(']'));
        return list;
    }

    private void open() throws IOException {
        at++;
        if (++depth > DEPTH_MAX) {
            throw wrong("Document nesting depth exceeds the maximum allowed (" + DEPTH_MAX + ")");
        }
    }

    private boolean closes(char end) throws IOException {
        space();
        if (peek() != end) {
            return false;
        }
        at++;
        depth--;
        return true;
    }

    private boolean continues(char end) throws IOException {
        if (closes(end)) {
            return false;
        }
        expect(',');
        return true;
    }

    private String string() throws IOException {
        expect('"');
        int start = at;
        int end = text.indexOf('"', at);
        int escape = text.indexOf('\\', at);
        if (end >= 0 && (escape < 0 || escape > end)) {
            at = end + 1;
            return text.substring(start, end);
        }
        StringBuilder out = new StringBuilder();
        for (; ; ) {
            char c = next();
            if (c == '"') {
                return out.toString();
            }
            out.append(c == '\\' ? escaped() : c);
        }
    }

    private char escaped() throws IOException {
        char c = next();
        switch (c) {
            case 'b':
                return '\b';
            case 'f':
                return '\f';
            case 'n':
                return '\n';
            case 'r':
                return '\r';
            case 't':
                return '\t';
            case 'u':
                if (at + 4 > text.length()) {
                    throw wrong("Unexpected end-of-input in an escape");
                }
                try {
                    at += 4;
                    return (char) Integer.parseInt(text.substring(at - 4, at), 16);
                } catch (NumberFormatException digits) {
                    throw wrong("Unrecognized character escape");
                }
            default:
                return c;
        }
    }

    private Object word(String word, Object value) throws IOException {
        if (!text.startsWith(word, at)) {
            throw wrong("Unrecognized token: was expecting (JSON String, Number, Array, Object or token 'null', 'true' or 'false')");
        }
        at += word.length();
        return value;
    }

    private Object number() throws IOException {
        int start = at;
        boolean whole = true;
        while (at < text.length() && "+-.0123456789eE".indexOf(text.charAt(at)) >= 0) {
            whole &= ".eE".indexOf(text.charAt(at)) < 0;
            at++;
        }
        String digits = text.substring(start, at);
        try {
            if (!whole) {
                return new Decimal(digits);
            }
            if (digits.length() <= 18) {
                long n = Long.parseLong(digits);
                if (n == (int) n) {
                    return (int) n;
                }
                return n;
            }
            BigInteger big = new BigInteger(digits);
            if (big.bitLength() < 64) {
                return big.longValue();
            }
            return big;
        } catch (NumberFormatException none) {
            at = start;
            throw wrong("Unrecognized token: was expecting (JSON String, Number, Array, Object or token 'null', 'true' or 'false')");
        }
    }

    private void space() {
        while (at < text.length() && text.charAt(at) <= ' ') {
            at++;
        }
    }

    private char peek() throws IOException {
        if (at >= text.length()) {
            throw wrong("Unexpected end-of-input");
        }
        return text.charAt(at);
    }

    private char next() throws IOException {
        char c = peek();
        at++;
        return c;
    }

    private void expect(char wanted) throws IOException {
        if (next() != wanted) {
            at--;
            throw wrong("Unexpected character ('" + text.charAt(at) + "' (code " + (int) text.charAt(at) + ")): was expecting '" + wanted + "'");
        }
    }

    private IOException wrong(String what) {
        return new IOException(what + "\n at [Source: (ByteArrayInputStream); line: 1, column: " + (at + 1) + "]");
    }

    /** A number with a fraction, kept as written until it is known how exactly it is wanted. */
    static final class Decimal extends Number {
        private static final long serialVersionUID = 1;
        private final String digits;

        Decimal(String digits) {
            this.digits = digits;
            if (Double.isNaN(Double.parseDouble(digits))) {
                throw new NumberFormatException(digits);
            }
        }

        BigDecimal exact() {
            return new BigDecimal(digits);
        }

        @Override
        public int intValue() {
            return (int) doubleValue();
        }

        @Override
        public long longValue() {
            return (long) doubleValue();
        }

        @Override
        public float floatValue() {
            return Float.parseFloat(digits);
        }

        @Override
        public double doubleValue() {
            return Double.parseDouble(digits);
        }

        @Override
        public String toString() {
            return digits;
        }
    }

    static void quote(StringBuilder out, String value) {
        out.append('"');
        for (int i = 0; i < value.length(); i++) {
            char c = value.charAt(i);
            switch (c) {
                case '"':
                    out.append("\\\"");
                    break;
                case '\\':
                    out.append("\\\\");
                    break;
                case '\n':
                    out.append("\\n");
                    break;
                case '\r':
                    out.append("\\r");
                    break;
                case '\t':
                    out.append("\\t");
                    break;
                case '\b':
                    out.append("\\b");
                    break;
                case '\f':
                    out.append("\\f");
                    break;
                default:
                    if (c < ' ') {
                        out.append(String.format("\\u%04X", (int) c));
                    } else {
                        out.append(c);
                    }
            }
        }
        out.append('"');
    }
}
