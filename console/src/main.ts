import { mount } from "svelte";
import App from "./App.svelte";
import { look } from "./lib/theme.svelte";
import "./style.css";
import { preferred, speech } from "./text/language.svelte";

look.apply();
await speech.speak(preferred());
mount(App, { target: document.getElementById("app")! });
