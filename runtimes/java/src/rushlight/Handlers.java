package rushlight;

import com.amazonaws.services.lambda.runtime.Context;
import com.amazonaws.services.lambda.runtime.CustomPojoSerializer;
import com.amazonaws.services.lambda.runtime.RequestHandler;
import com.amazonaws.services.lambda.runtime.RequestStreamHandler;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.File;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.lang.reflect.Constructor;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.lang.reflect.ParameterizedType;
import java.lang.reflect.Type;
import java.lang.reflect.TypeVariable;
import java.net.MalformedURLException;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HashMap;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.ServiceLoader;

/**
 * Finds a function's handler: `pkg.Class` with one of the two interfaces, or `pkg.Class::method`. Which signatures are
 * taken and which comes first: https://docs.aws.amazon.com/lambda/latest/dg/java-handler.html
 */
final class Handlers {
    private static final byte[] NULL = "null".getBytes(StandardCharsets.US_ASCII);

    private Handlers() {}

    /** What runs for an event. */
    interface Handler {
        byte[] call(byte[] event, Context context) throws Throwable;
    }

    /** The package, its archives in lib, and those of layers; ours, and the interfaces with it, come first. */
    static URLClassLoader loader(String classpath) throws MalformedURLException {
        List<URL> urls = new ArrayList<>();
        for (String part : classpath.split(":")) {
            if (part.endsWith("/*")) {
                File folder = new File(part.substring(0, part.length() - 2));
                String[] names = folder.list((in, name) -> name.endsWith(".jar"));
                Arrays.sort(names == null ? names = new String[0] : names);
                for (String name : names) {
                    urls.add(new URL("file", null, -1, folder.getPath() + "/" + name));
                }
            } else if (!part.isEmpty()) {
                urls.add(new URL("file", null, -1, part));
            }
        }
        return new URLClassLoader(urls.toArray(new URL[0]), Handlers.class.getClassLoader());
    }

    /** A handler that cannot be had fails each invocation, except where AWS fails the init: that is thrown. */
    static Handler find(String text, ClassLoader loader) {
        int colons = text.lastIndexOf("::");
        String name = colons < 0 ? text : text.substring(0, colons);
        String method = colons < 0 ? null : text.substring(colons + 2);
        if (name.isEmpty() || method != null && method.isEmpty()) {
            return failing(new Faults.UserFault("Invalid handler: `" + text + "'"));
        }
        Class<?> type;
        try {
            type = Class.forName(name, true, loader);
        } catch (ClassNotFoundException none) {
            return failing(new Faults.UserFault("Class not found: " + name, none, false));
        } catch (Throwable failure) {
            String why = failure.getMessage() == null ? "" : ": " + failure.getMessage();
            Faults.UserFault fault = new Faults.UserFault("Error loading class " + name + why, failure, true);
            if (failure instanceof NoClassDefFoundError) {
                return failing(fault);
            }
            throw fault;
        }
        try {
            return method == null ? ofInterface(type, loader) : ofMethod(type, method, loader);
        } catch (Faults.UserFault fault) {
            if (fault.fatal) {
                throw fault;
            }
            return failing(fault);
        } catch (Throwable failure) {
            return failing(new Faults.UserFault(Faults.message(failure), failure, false));
        }
    }

    private static Handler failing(Faults.UserFault fault) {
        return (event, context) -> {
            throw fault;
        };
    }

    @SuppressWarnings("unchecked")
    private static Handler ofInterface(Class<?> type, ClassLoader loader) throws Exception {
        if (RequestStreamHandler.class.isAssignableFrom(type)) {
            RequestStreamHandler handler = (RequestStreamHandler) instance(type);
            return (event, context) -> {
                ByteArrayOutputStream output = new ByteArrayOutputStream(1024);
                handler.handleRequest(new ByteArrayInputStream(event), output, context);
                return output.toByteArray();
            };
        }
        if (!RequestHandler.class.isAssignableFrom(type)) {
            throw new Faults.UserFault("Class does not implement an appropriate handler interface: " + type.getName());
        }
        Type[] types = parameters(type, RequestHandler.class, Map.of());
        if (types == null || types.length != 2) {
            throw new Faults.UserFault("Class " + type.getName() + " does not implement RequestHandler with concrete type parameters");
        }
        for (Type parameter : types) {
            if (parameter instanceof TypeVariable && ((TypeVariable<?>) parameter).getBounds()[0] == Object.class) {
                throw new Faults.UserFault("Class " + type.getName() + " does not implement RequestHandler with concrete type parameters: parameter "
                    + parameter + " has no upper bound.");
            }
        }
        RequestHandler<Object, Object> handler = (RequestHandler<Object, Object>) instance(type);
        return converting(types[0], types[1], loader, handler::handleRequest);
    }

    /** What `of` is given for the parameters of `wanted`, which it or what it extends implements. */
    private static Type[] parameters(Type of, Class<?> wanted, Map<TypeVariable<?>, Type> outer) {
        Class<?> raw = of instanceof ParameterizedType ? (Class<?>) ((ParameterizedType) of).getRawType() : (Class<?>) of;
        Map<TypeVariable<?>, Type> bound = new HashMap<>();
        if (of instanceof ParameterizedType) {
            Type[] given = ((ParameterizedType) of).getActualTypeArguments();
            for (int i = 0; i < given.length; i++) {
                bound.put(raw.getTypeParameters()[i], given[i] instanceof TypeVariable ? outer.getOrDefault(given[i], given[i]) : given[i]);
            }
        }
        if (raw == wanted) {
            Type[] found = new Type[raw.getTypeParameters().length];
            for (int i = 0; i < found.length; i++) {
                found[i] = bound.get(raw.getTypeParameters()[i]);
            }
            return found.length > 0 && found[0] == null ? null : found;
        }
        List<Type> above = new ArrayList<>(Arrays.asList(raw.getGenericInterfaces()));
        if (raw.getGenericSuperclass() != null) {
            above.add(raw.getGenericSuperclass());
        }
        for (Type next : above) {
            Type[] found = parameters(next, wanted, bound);
            if (found != null) {
                return found;
            }
        }
        return null;
    }

    private static Object instance(Class<?> type) throws Exception {
        Constructor<?> constructor;
        try {
            constructor = type.getConstructor();
        } catch (NoSuchMethodException none) {
            if (type.getEnclosingClass() != null && !Modifier.isStatic(type.getModifiers())) {
                throw new Exception("Class " + type.getName() + " cannot be instantiated because it is a non-static inner class");
            }
            throw new Exception("Class " + type.getName() + " has no public zero-argument constructor", none);
        }
        try {
            return constructor.newInstance();
        } catch (InvocationTargetException thrown) {
            Throwable cause = thrown.getCause() == null ? thrown : thrown.getCause();
            throw new Faults.UserFault(Faults.message(cause), cause, true);
        }
    }

    /** Methods of that name, the longest signature first; one that ends with a context counts as one longer. */
    private static Handler ofMethod(Class<?> type, String name, ClassLoader loader) throws Exception {
        List<Method> methods = new ArrayList<>();
        try {
            for (Method method : type.getMethods()) {
                if (method.getName().equals(name)) {
                    methods.add(method);
                }
            }
        } catch (NoClassDefFoundError missing) {
            throw new Faults.UserFault("Error loading method " + name + " on class " + type.getName(), missing, false);
        }
        methods.sort(Comparator.comparing(Method::isBridge).thenComparing(method -> -weight(method)));
        for (Method method : methods) {
            Handler handler = ofSignature(type, method, loader);
            if (handler != null) {
                return handler;
            }
        }
        throw new Faults.UserFault("No public method named " + name + " with appropriate method signature found on class " + type.getName());
    }

    private static int weight(Method method) {
        Class<?>[] types = method.getParameterTypes();
        return types.length + (endsWithContext(types) ? 1 : 0);
    }

    private static boolean endsWithContext(Class<?>[] types) {
        return types.length > 0 && types[types.length - 1] == Context.class;
    }

    /** null: it is no handler. */
    private static Handler ofSignature(Class<?> type, Method method, ClassLoader loader) throws Exception {
        Class<?>[] types = method.getParameterTypes();
        boolean context = endsWithContext(types);
        int rest = types.length - (context ? 1 : 0);
        boolean input = rest > 0 && types[0] == InputStream.class;
        boolean output = rest > 0 && types[rest - 1] == OutputStream.class;
        boolean streams = input || output;
        boolean fits = streams ? rest == (input ? 1 : 0) + (output ? 1 : 0) : rest <= 1 && (rest == 0 || types[0] != Context.class);
        if (!fits) {
            System.err.println("Ignoring an overload of method " + method.getName() + " because its signature is none of a handler's");
            return null;
        }
        // A public method of a class that is not public, of a lambda's or an inner one.
        method.setAccessible(true);
        Object on = Modifier.isStatic(method.getModifiers()) ? null : instance(type);
        if (streams) {
            return streaming(method, on, input, output, context);
        }
        Type event = rest == 0 ? null : method.getGenericParameterTypes()[0];
        return converting(event, method.getGenericReturnType(), loader, (given, of) -> {
            Object[] arguments = new Object[rest + (context ? 1 : 0)];
            if (context) {
                arguments[rest] = of;
            }
            if (rest > 0) {
                arguments[0] = given;
            }
            return invoke(method, on, arguments);
        });
    }

    private static Handler streaming(Method method, Object on, boolean input, boolean output, boolean context) {
        return (event, of) -> {
            ByteArrayOutputStream written = new ByteArrayOutputStream(1024);
            List<Object> arguments = new ArrayList<>();
            if (input) {
                arguments.add(new ByteArrayInputStream(event));
            }
            if (output) {
                arguments.add(written);
            }
            if (context) {
                arguments.add(of);
            }
            invoke(method, on, arguments.toArray());
            return output ? written.toByteArray() : NULL;
        };
    }

    private static Object invoke(Method method, Object on, Object[] arguments) {
        try {
            return method.invoke(on, arguments);
        } catch (InvocationTargetException thrown) {
            throw Faults.sneak(thrown.getCause() == null ? thrown : thrown.getCause());
        } catch (IllegalAccessException failure) {
            throw Faults.sneak(failure);
        }
    }

    private interface Plain {
        Object call(Object event, Context context) throws Throwable;
    }

    private static Handler converting(Type in, Type out, ClassLoader loader, Plain plain) {
        CustomPojoSerializer own = serializer(loader);
        boolean nothing = out == void.class || out == Void.class;
        return (event, context) -> {
            Object given;
            try {
                given = in == null ? null : own != null ? own.fromJson(new ByteArrayInputStream(event), in) : read(event, in);
            } catch (Throwable failure) {
                throw new RuntimeException("An error occurred during JSON parsing", failure);
            }
            Object result = plain.call(given, context);
            try {
                if (nothing) {
                    return NULL;
                }
                if (own == null) {
                    return write(result);
                }
                ByteArrayOutputStream written = new ByteArrayOutputStream(1024);
                own.toJson(result, written, out);
                return written.toByteArray();
            } catch (Throwable failure) {
                throw new RuntimeException("An error occurred during JSON serialization of response", failure);
            }
        };
    }

    private static Object read(byte[] event, Type type) {
        try {
            return Reading.convert(Json.parse(event), type);
        } catch (IOException wrong) {
            throw new UncheckedIOException(wrong);
        }
    }

    private static byte[] write(Object result) {
        try {
            return Writing.json(result);
        } catch (IOException wrong) {
            throw new UncheckedIOException(wrong);
        }
    }

    /** The function's own way to convert events, if it has one. */
    private static CustomPojoSerializer serializer(ClassLoader loader) {
        // Looking for it takes milliseconds, which functions without one do not spend.
        if (loader.getResource("META-INF/services/" + CustomPojoSerializer.class.getName()) == null) {
            return null;
        }
        Iterator<CustomPojoSerializer> found = ServiceLoader.load(CustomPojoSerializer.class, loader).iterator();
        CustomPojoSerializer first = found.hasNext() ? found.next() : null;
        if (found.hasNext()) {
            throw new Faults.UserFault("Too many serializers provided inside the META-INF/services folder, only one is allowed");
        }
        return first;
    }
}
