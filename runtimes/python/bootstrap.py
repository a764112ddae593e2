# What the interpreter is started with. The rest is a module, because of a module there can be bytecode and of this file not.
import rushlight_runtime

if __name__ == "__main__":
    rushlight_runtime.main()
