// In which language the console speaks. The words are data: `en.ts` is the form of all others.
import en from "./en";

export type Text = typeof en;

export const LANGUAGES = { en: "English", ko: "한국어" } as const;
export type Language = keyof typeof LANGUAGES;

class Speech {
  language: Language = $state("en");
  text: Text = $state.raw(en);

  async speak(language: Language): Promise<void> {
    this.text = language === "ko" ? (await import("./ko")).default : en;
    this.language = language;
    document.documentElement.lang = language;
    localStorage.setItem("language", language);
  }
}

export const speech = new Speech();

// The one that was chosen, or the browser's.
export function preferred(): Language {
  const chosen = localStorage.getItem("language") ?? navigator.language.slice(0, 2);
  return chosen === "ko" ? "ko" : "en";
}
