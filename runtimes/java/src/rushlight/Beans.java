package rushlight;

import java.lang.reflect.Constructor;
import java.lang.reflect.Field;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.lang.reflect.Type;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/** The properties of a class, as Jackson finds them by default: fields first, then getters; setters and public fields. */
final class Beans {
    private static final Map<Class<?>, Beans> KNOWN = new ConcurrentHashMap<>();

    /** How a property is read, in the order in which they are written. */
    final Map<String, Reader> readers = new LinkedHashMap<>();
    private final Map<String, List<Writer>> writers = new HashMap<>();
    /** AWS's event classes, whose names differ from those in events by case and dashes. */
    final boolean lenient;

    interface Reader {
        Object read(Object bean) throws ReflectiveOperationException;
    }

    static final class Writer {
        final Type type;
        private final Method method;
        private final Field field;

        Writer(Method method) {
            this.method = method;
            this.field = null;
            this.type = method.getGenericParameterTypes()[0];
        }

        Writer(Field field) {
            this.method = null;
            this.field = field;
            this.type = field.getGenericType();
        }

        void write(Object bean, Object value) throws ReflectiveOperationException {
            if (method != null) {
                method.invoke(bean, value);
            } else {
                field.set(bean, value);
            }
        }
    }

    static Beans of(Class<?> type) {
        return KNOWN.computeIfAbsent(type, Beans::new);
    }

    private Beans(Class<?> type) {
        lenient = isEvent(type.getName());
        List<Class<?>> line = new ArrayList<>();
        for (Class<?> c = type; c != null && c != Object.class; c = c.getSuperclass()) {
            line.add(0, c);
        }
        Map<String, Reader> found = new LinkedHashMap<>();
        for (Class<?> c : line) {
            for (Field field : c.getDeclaredFields()) {
                addField(field, found);
            }
        }
        for (Class<?> c : line) {
            for (Method method : c.getDeclaredMethods()) {
                addMethod(method, found);
            }
        }
        if (type.isInterface()) {
            for (Method method : type.getMethods()) {
                addMethod(method, found);
            }
        }
        found.forEach((name, reader) -> {
            if (reader != null) {
                readers.put(name, reader);
            }
        });
    }

    private void addField(Field field, Map<String, Reader> found) {
        int modifiers = field.getModifiers();
        if (Modifier.isStatic(modifiers) || Modifier.isTransient(modifiers) || field.isSynthetic()) {
            return;
        }
        // A private field only keeps the place of its getter.
        found.putIfAbsent(field.getName(), null);
        boolean open = Modifier.isPublic(modifiers);
        if (open || lenient) {
            field.setAccessible(true);
            if (open) {
                found.put(field.getName(), field::get);
            }
            add(field.getName(), new Writer(field));
        }
    }

    private void addMethod(Method method, Map<String, Reader> found) {
        int modifiers = method.getModifiers();
        if (Modifier.isStatic(modifiers) || !Modifier.isPublic(modifiers) || method.isBridge() || method.isSynthetic()) {
            return;
        }
        String name = method.getName();
        boolean bool = method.getReturnType() == boolean.class || method.getReturnType() == Boolean.class;
        int prefix = name.startsWith("get") || name.startsWith("set") ? 3 : name.startsWith("is") && bool ? 2 : 0;
        if (prefix == 0 || name.length() == prefix) {
            return;
        }
        String property = decapitalize(name.substring(prefix));
        if (name.startsWith("set") && method.getParameterCount() == 1) {
            method.setAccessible(true);
            add(property, new Writer(method));
        } else if (!name.startsWith("set") && method.getParameterCount() == 0 && method.getReturnType() != void.class) {
            method.setAccessible(true);
            found.put(property, method::invoke);
        }
    }

    private void add(String property, Writer writer) {
        List<Writer> known = writers.computeIfAbsent(key(property), name -> new ArrayList<>());
        // A setter comes before a field, and that of a subclass before its parent's.
        if (writer.method != null) {
            known.add(0, writer);
        } else {
            known.add(writer);
        }
    }

    /** The way to set a property; where there are several, one that takes what has come. */
    Writer writer(String property, Object value) {
        List<Writer> known = writers.get(key(property));
        if (known == null) {
            return null;
        }
        for (Writer writer : known) {
            if (value instanceof String && writer.type == String.class) {
                return writer;
            }
        }
        return known.get(0);
    }

    private String key(String property) {
        return lenient ? property.replace("-", "").toLowerCase(Locale.ROOT) : property;
    }

    /** `URL` stays, `Name` becomes `name`, as JavaBeans have it. */
    private static String decapitalize(String name) {
        if (name.length() > 1 && Character.isUpperCase(name.charAt(1)) && Character.isUpperCase(name.charAt(0))) {
            return name;
        }
        return Character.toLowerCase(name.charAt(0)) + name.substring(1);
    }

    private static boolean isEvent(String name) {
        return name.startsWith("com.amazonaws.services.lambda.runtime.events.")
            || name.startsWith("com.amazonaws.services.dynamodbv2.model.")
            || name.startsWith("com.amazonaws.services.s3.event.");
    }

    Object make(Class<?> type) throws ReflectiveOperationException {
        try {
            Constructor<?> constructor = type.getDeclaredConstructor();
            constructor.setAccessible(true);
            return constructor.newInstance();
        } catch (NoSuchMethodException none) {
            if (!lenient) {
                throw none;
            }
            Class<?> unsafe = Class.forName("sun.misc.Unsafe");
            Field field = unsafe.getDeclaredField("theUnsafe");
            field.setAccessible(true);
            return unsafe.getMethod("allocateInstance", Class.class).invoke(field.get(null), type);
        }
    }
}
