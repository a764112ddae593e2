// CodeMirror as the console uses it. Loaded when used.
import { defaultKeymap, history, historyKeymap, indentWithTab } from "@codemirror/commands";
import { javascript } from "@codemirror/lang-javascript";
import { json } from "@codemirror/lang-json";
import { python } from "@codemirror/lang-python";
import { bracketMatching, HighlightStyle, indentOnInput, syntaxHighlighting } from "@codemirror/language";
import { Compartment, EditorState, type Extension } from "@codemirror/state";
import { drawSelection, EditorView, highlightActiveLine, keymap, lineNumbers } from "@codemirror/view";
import { tags } from "@lezer/highlight";

export type Language = "javascript" | "typescript" | "python" | "json" | "text";

export interface Given {
  value: string;
  language: Language;
  dark: boolean;
  label: string;
  readonly?: boolean;
}

export function mount(host: HTMLElement, given: Given, changed: (text: string) => void) {
  const root = host.attachShadow({ mode: "open" });
  const [language, theme] = [new Compartment(), new Compartment()];
  let isOurs = false;
  const view = new EditorView({
    root,
    parent: root,
    state: EditorState.create({
      doc: given.value,
      extensions: [
        lineNumbers(),
        history(),
        drawSelection(),
        indentOnInput(),
        bracketMatching(),
        highlightActiveLine(),
        EditorView.lineWrapping,
        EditorState.readOnly.of(given.readonly ?? false),
        EditorView.contentAttributes.of({ "aria-label": given.label, tabindex: "0" }),
        keymap.of([...defaultKeymap, ...historyKeymap, indentWithTab]),
        language.of(support(given.language)),
        theme.of(colours(given.dark)),
        EditorView.updateListener.of((update) => {
          if (update.docChanged && !isOurs) changed(update.state.doc.toString());
        }),
      ],
    }),
  });
  return {
    update(next: Given) {
      isOurs = true;
      if (next.value !== view.state.doc.toString()) {
        view.dispatch({ changes: { from: 0, to: view.state.doc.length, insert: next.value } });
      }
      isOurs = false;
      if (next.language !== given.language) view.dispatch({ effects: language.reconfigure(support(next.language)) });
      if (next.dark !== given.dark) view.dispatch({ effects: theme.reconfigure(colours(next.dark)) });
      given = next;
    },
    destroy: () => view.destroy(),
  };
}

function support(language: Language): Extension {
  switch (language) {
    case "javascript":
      return javascript();
    case "typescript":
      return javascript({ typescript: true });
    case "python":
      return python();
    case "json":
      return json();
    case "text":
      return [];
  }
}

function colours(dark: boolean): Extension {
  const tone = dark
    ? { word: "#f5a97f", text: "#a6da95", number: "#f0c674", note: "#a09788", name: "#8fb8f0" }
    : { word: "#8a2f00", text: "#1a6b3a", number: "#7a5200", note: "#6b645a", name: "#0b57a4" };
  const style = HighlightStyle.define([
    { tag: [tags.keyword, tags.operatorKeyword, tags.modifier], color: tone.word },
    { tag: [tags.string, tags.special(tags.string), tags.regexp], color: tone.text },
    { tag: [tags.number, tags.bool, tags.null, tags.atom], color: tone.number },
    { tag: tags.comment, color: tone.note, fontStyle: "italic" },
    { tag: [tags.propertyName, tags.function(tags.variableName), tags.definition(tags.variableName)], color: tone.name },
  ]);
  const view = EditorView.theme(
    {
      "&": { fontSize: "12.5px", color: "var(--ink)", backgroundColor: "var(--panel)" },
      "&.cm-focused": { outline: "none" },
      ".cm-scroller": { fontFamily: "var(--mono)", lineHeight: "20px", maxHeight: "65vh", overflow: "auto" },
      ".cm-content, .cm-gutter": { minHeight: "calc(var(--rows) * 20px)" },
      ".cm-gutters": { backgroundColor: "var(--raised)", color: "var(--faint)", border: "none" },
      ".cm-activeLine, .cm-activeLineGutter": { backgroundColor: "color-mix(in srgb, var(--accent) 7%, transparent)" },
      ".cm-cursor": { borderLeftColor: "var(--ink)" },
      "&.cm-focused .cm-selectionBackground, .cm-selectionBackground": { background: "color-mix(in srgb, var(--accent) 28%, transparent)" },
    },
    { dark },
  );
  return [view, syntaxHighlighting(style)];
}
