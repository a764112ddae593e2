package rushlight;

import java.io.IOException;
import java.lang.reflect.Array;
import java.lang.reflect.GenericArrayType;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.ParameterizedType;
import java.lang.reflect.RecordComponent;
import java.lang.reflect.Type;
import java.lang.reflect.TypeVariable;
import java.lang.reflect.WildcardType;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.time.Instant;
import java.time.LocalDate;
import java.time.LocalDateTime;
import java.time.OffsetDateTime;
import java.time.ZonedDateTime;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Base64;
import java.util.Collection;
import java.util.Date;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.LinkedList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Queue;
import java.util.Set;
import java.util.SortedMap;
import java.util.SortedSet;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.UUID;

/**
 * Converts what was parsed into the type that a handler asks for, as AWS's runtime does with Jackson: unknown members
 * are left out, text and numbers stand for each other, an empty text is none, a single value stands for a list.
 */
final class Reading {
    private Reading() {}

    static Object convert(Object value, Type type) throws IOException {
        return convert(value, type, Map.of());
    }

    private static Object convert(Object value, Type type, Map<TypeVariable<?>, Type> bound) throws IOException {
        if (type instanceof TypeVariable) {
            Type actual = bound.get(type);
            return convert(value, actual != null && actual != type ? actual : ((TypeVariable<?>) type).getBounds()[0], bound);
        }
        if (type instanceof WildcardType) {
            return convert(value, ((WildcardType) type).getUpperBounds()[0], bound);
        }
        if (type instanceof GenericArrayType) {
            return array(value, ((GenericArrayType) type).getGenericComponentType(), bound);
        }
        if (type instanceof ParameterizedType) {
            ParameterizedType generic = (ParameterizedType) type;
            Class<?> raw = (Class<?>) generic.getRawType();
            return toClass(value, raw, bind(raw, generic, bound));
        }
        return toClass(value, (Class<?>) type, bound);
    }

    private static Map<TypeVariable<?>, Type> bind(Class<?> raw, ParameterizedType generic, Map<TypeVariable<?>, Type> outer) {
        Map<TypeVariable<?>, Type> bound = new HashMap<>();
        Type[] actual = generic.getActualTypeArguments();
        TypeVariable<?>[] variables = raw.getTypeParameters();
        for (int i = 0; i < variables.length; i++) {
            bound.put(variables[i], actual[i] instanceof TypeVariable ? outer.getOrDefault(actual[i], actual[i]) : actual[i]);
        }
        return bound;
    }

    private static Object toClass(Object value, Class<?> type, Map<TypeVariable<?>, Type> bound) throws IOException {
        if (type == Object.class) {
            return natural(value);
        }
        if (type == Optional.class) {
            return Optional.ofNullable(value == null ? null : convert(value, argument(type, 0, bound), bound));
        }
        if (value == null || "".equals(value) && type != String.class && !CharSequence.class.isAssignableFrom(type)) {
            return type.isPrimitive() ? Array.get(Array.newInstance(type, 1), 0) : null;
        }
        if (Map.class.isAssignableFrom(type)) {
            return map(value, type, bound);
        }
        if (Collection.class.isAssignableFrom(type) || type == Iterable.class) {
            return collection(value, type, bound);
        }
        if (type == byte[].class && value instanceof String) {
            return bytes(value, type);
        }
        if (type.isArray()) {
            return array(value, type.getComponentType(), bound);
        }
        if (value instanceof List) {
            List<?> list = (List<?>) value;
            if (list.isEmpty()) {
                return null;
            }
            if (list.size() == 1) {
                return toClass(list.get(0), type, bound);
            }
            throw mismatch(value, type);
        }
        Object scalar = scalar(value, type);
        return scalar != null ? scalar : type.isEnum() ? constant(value, type) : bean(value, type, bound);
    }

    private static Type argument(Class<?> type, int index, Map<TypeVariable<?>, Type> bound) {
        TypeVariable<?>[] variables = type.getTypeParameters();
        Type argument = index < variables.length ? bound.get(variables[index]) : null;
        return argument == null ? Object.class : argument;
    }

    /** As a handler sees it that asks for no type. */
    private static Object natural(Object value) {
        if (value instanceof Json.Decimal) {
            return ((Json.Decimal) value).doubleValue();
        }
        if (value instanceof Map) {
            @SuppressWarnings("unchecked")
            Map<String, Object> map = (Map<String, Object>) value;
            map.replaceAll((key, member) -> natural(member));
        } else if (value instanceof List) {
            @SuppressWarnings("unchecked")
            List<Object> list = (List<Object>) value;
            list.replaceAll(Reading::natural);
        }
        return value;
    }

    @SuppressWarnings("unchecked")
    private static Object map(Object value, Class<?> type, Map<TypeVariable<?>, Type> bound) throws IOException {
        if (!(value instanceof Map)) {
            throw mismatch(value, type);
        }
        Map<Object, Object> out;
        if (type.isAssignableFrom(LinkedHashMap.class)) {
            out = new LinkedHashMap<>();
        } else if (type == SortedMap.class || type.isAssignableFrom(TreeMap.class)) {
            out = new TreeMap<>();
        } else {
            out = (Map<Object, Object>) make(type);
        }
        Type key = argument(type, 0, bound);
        Type member = argument(type, 1, bound);
        for (Map.Entry<String, Object> entry : ((Map<String, Object>) value).entrySet()) {
            out.put(key == Object.class ? entry.getKey() : convert(entry.getKey(), key, bound), convert(entry.getValue(), member, bound));
        }
        return out;
    }

    @SuppressWarnings("unchecked")
    private static Object collection(Object value, Class<?> type, Map<TypeVariable<?>, Type> bound) throws IOException {
        List<?> items = value instanceof List ? (List<?>) value : List.of(value);
        Collection<Object> out;
        if (type.isAssignableFrom(ArrayList.class)) {
            out = new ArrayList<>(items.size());
        } else if (type.isAssignableFrom(LinkedHashSet.class) || type == Set.class) {
            out = new LinkedHashSet<>();
        } else if (type == SortedSet.class || type.isAssignableFrom(TreeSet.class)) {
            out = new TreeSet<>();
        } else if (type == Queue.class) {
            out = new LinkedList<>();
        } else if (type.isAssignableFrom(ArrayDeque.class)) {
            out = new ArrayDeque<>();
        } else {
            out = (Collection<Object>) make(type);
        }
        Type item = argument(type, 0, bound);
        for (Object one : items) {
            out.add(convert(one, item, bound));
        }
        return out;
    }

    private static Object array(Object value, Type item, Map<TypeVariable<?>, Type> bound) throws IOException {
        List<?> items = value instanceof List ? (List<?>) value : List.of(value);
        Class<?> raw = item instanceof Class ? (Class<?>) item : item instanceof ParameterizedType
            ? (Class<?>) ((ParameterizedType) item).getRawType() : Object.class;
        Object out = Array.newInstance(raw, items.size());
        for (int i = 0; i < items.size(); i++) {
            Array.set(out, i, convert(items.get(i), item, bound));
        }
        return out;
    }

    /** null: the type is none of these. */
    private static Object scalar(Object value, Class<?> type) throws IOException {
        if (type == String.class || type == CharSequence.class) {
            if (value instanceof Map) {
                throw mismatch(value, String.class);
            }
            return value.toString();
        }
        if (type == boolean.class || type == Boolean.class) {
            return truth(value, type);
        }
        if (type == char.class || type == Character.class) {
            if (value instanceof String && ((String) value).length() == 1) {
                return ((String) value).charAt(0);
            }
            throw mismatch(value, type);
        }
        if (type.isPrimitive() || Number.class.isAssignableFrom(type)) {
            return number(value, type);
        }
        if (type == ByteBuffer.class) {
            return ByteBuffer.wrap(bytes(value, type));
        }
        try {
            return time(value, type);
        } catch (RuntimeException wrong) {
            throw new IOException("Cannot deserialize value of type `" + type.getName() + "` from " + shown(value) + ": " + wrong.getMessage(), wrong);
        }
    }

    private static byte[] bytes(Object value, Class<?> type) throws IOException {
        if (value instanceof String) {
            try {
                return Base64.getDecoder().decode((String) value);
            } catch (IllegalArgumentException wrong) {
                throw mismatch(value, type);
            }
        }
        throw mismatch(value, type);
    }

    private static Boolean truth(Object value, Class<?> type) throws IOException {
        if (value instanceof Boolean) {
            return (Boolean) value;
        }
        if (value instanceof Number) {
            return ((Number) value).doubleValue() != 0;
        }
        String text = value.toString().trim();
        if (text.equalsIgnoreCase("true") || text.equalsIgnoreCase("false")) {
            return text.equalsIgnoreCase("true");
        }
        throw new IOException("Cannot deserialize value of type `" + type.getName() + "` from " + shown(value) + ": only \"true\" or \"false\" recognized");
    }

    private static Object number(Object value, Class<?> type) throws IOException {
        try {
            if (value instanceof Map || value instanceof Boolean) {
                throw mismatch(value, type);
            }
            String digits = value.toString().trim();
            if (type == double.class || type == Double.class) {
                return Double.valueOf(digits);
            }
            if (type == float.class || type == Float.class) {
                return Float.valueOf(digits);
            }
            if (type == BigDecimal.class) {
                return new BigDecimal(digits);
            }
            if (type == Number.class) {
                return value instanceof Number ? natural(value) : new BigDecimal(digits);
            }
            BigInteger whole = new BigDecimal(digits).toBigInteger();
            if (type == int.class || type == Integer.class) {
                return whole.intValueExact();
            }
            if (type == long.class || type == Long.class) {
                return whole.longValueExact();
            }
            if (type == short.class || type == Short.class) {
                return whole.shortValueExact();
            }
            if (type == byte.class || type == Byte.class) {
                return whole.byteValueExact();
            }
            return type == BigInteger.class ? whole : null;
        } catch (NumberFormatException wrong) {
            throw new IOException("Cannot deserialize value of type `" + type.getName() + "` from " + shown(value) + ": not a valid `" + type.getName() + "` value");
        } catch (ArithmeticException large) {
            throw new IOException("Numeric value (" + value + ") out of range of `" + type.getName() + "`");
        }
    }

    private static Object time(Object value, Class<?> type) throws IOException {
        boolean numeric = value instanceof Number;
        String text = value.toString();
        if (type == Date.class) {
            if (numeric) {
                return new Date(((Number) value).longValue());
            }
            return Date.from(text.contains("T") ? OffsetDateTime.parse(text.replaceFirst("([+-]\\d\\d)(\\d\\d)$", "$1:$2")).toInstant()
                : LocalDate.parse(text).atStartOfDay(java.time.ZoneOffset.UTC).toInstant());
        }
        if (type == Instant.class) {
            return numeric ? instant(new BigDecimal(text)) : OffsetDateTime.parse(text).toInstant();
        }
        if (type == LocalDate.class) {
            return LocalDate.parse(text);
        }
        if (type == LocalDateTime.class) {
            return LocalDateTime.parse(text);
        }
        if (type == OffsetDateTime.class) {
            return OffsetDateTime.parse(text);
        }
        if (type == ZonedDateTime.class) {
            return ZonedDateTime.parse(text);
        }
        if (type == Duration.class) {
            return numeric ? Duration.ofSeconds(((Number) value).longValue()) : Duration.parse(text);
        }
        if (type == UUID.class) {
            return UUID.fromString(text);
        }
        if (type.getName().equals("org.joda.time.DateTime")) {
            try {
                return type.getConstructor(Object.class).newInstance(text);
            } catch (ReflectiveOperationException failure) {
                throw new IOException(failure);
            }
        }
        return null;
    }

    private static Instant instant(BigDecimal seconds) {
        BigDecimal whole = seconds.setScale(0, java.math.RoundingMode.FLOOR);
        return Instant.ofEpochSecond(whole.longValue(), seconds.subtract(whole).movePointRight(9).longValue());
    }

    /** One that is not known is none. */
    private static Object constant(Object value, Class<?> type) {
        Object[] constants = type.getEnumConstants();
        if (value instanceof Integer) {
            int at = (Integer) value;
            return at >= 0 && at < constants.length ? constants[at] : null;
        }
        for (Object constant : constants) {
            if (((Enum<?>) constant).name().equals(value) || constant.toString().equals(value)) {
                return constant;
            }
        }
        return null;
    }

    @SuppressWarnings("unchecked")
    private static Object bean(Object value, Class<?> type, Map<TypeVariable<?>, Type> bound) throws IOException {
        if (!(value instanceof Map)) {
            throw new IOException("Cannot construct instance of `" + type.getName() + "` (although at least one Creator exists): no String-argument"
                + " constructor/factory method to deserialize from " + shown(value));
        }
        Map<String, Object> members = (Map<String, Object>) value;
        if (type.isRecord()) {
            return record(members, type, bound);
        }
        Beans beans = Beans.of(type);
        Object out = make(type);
        for (Map.Entry<String, Object> member : members.entrySet()) {
            Beans.Writer writer = beans.writer(member.getKey(), member.getValue());
            if (writer == null) {
                continue;
            }
            try {
                Object given = beans.lenient && writer.type == Date.class && member.getValue() instanceof Number
                    ? new Date((long) (((Number) member.getValue()).doubleValue() * 1000))
                    : convert(member.getValue(), writer.type, bound);
                writer.write(out, given);
            } catch (IOException wrong) {
                throw within(wrong, type, member.getKey());
            } catch (InvocationTargetException thrown) {
                throw within(new IOException(String.valueOf(thrown.getCause().getMessage()), thrown.getCause()), type, member.getKey());
            } catch (ReflectiveOperationException | IllegalArgumentException wrong) {
                throw within(new IOException(wrong.getMessage(), wrong), type, member.getKey());
            }
        }
        return out;
    }

    private static IOException within(IOException wrong, Class<?> type, String member) {
        return new IOException(wrong.getMessage() + " (through reference chain: " + type.getName() + "[\"" + member + "\"])", wrong.getCause());
    }

    private static Object record(Map<String, Object> members, Class<?> type, Map<TypeVariable<?>, Type> bound) throws IOException {
        RecordComponent[] components = type.getRecordComponents();
        Class<?>[] types = new Class<?>[components.length];
        Object[] given = new Object[components.length];
        for (int i = 0; i < components.length; i++) {
            types[i] = components[i].getType();
            given[i] = convert(members.get(components[i].getName()), components[i].getGenericType(), bound);
        }
        try {
            var constructor = type.getDeclaredConstructor(types);
            constructor.setAccessible(true);
            return constructor.newInstance(given);
        } catch (InvocationTargetException thrown) {
            throw new IOException("Cannot construct instance of `" + type.getName() + "`, problem: " + thrown.getCause().getMessage(), thrown.getCause());
        } catch (ReflectiveOperationException failure) {
            throw new IOException(failure);
        }
    }

    private static Object make(Class<?> type) throws IOException {
        try {
            return Beans.of(type).make(type);
        } catch (InvocationTargetException thrown) {
            throw new IOException("Cannot construct instance of `" + type.getName() + "`, problem: " + thrown.getCause().getMessage(), thrown.getCause());
        } catch (ReflectiveOperationException none) {
            throw new IOException("Cannot construct instance of `" + type.getName() + "` (no Creators, like default constructor, exist): cannot"
                + " deserialize from Object value (no delegate- or property-based Creator)");
        }
    }

    private static IOException mismatch(Object value, Class<?> type) {
        return new IOException("Cannot deserialize value of type `" + type.getTypeName() + "` from " + shown(value)
            + "\n at [Source: (ByteArrayInputStream); line: 1, column: 1]");
    }

    private static String shown(Object value) {
        if (value instanceof Map) {
            return "Object value (token `JsonToken.START_OBJECT`)";
        }
        if (value instanceof List) {
            return "Array value (token `JsonToken.START_ARRAY`)";
        }
        return value instanceof String ? "String \"" + value + "\"" : value.getClass().getSimpleName() + " value (" + value + ")";
    }
}
