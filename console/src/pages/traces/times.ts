// Times as rows show them.

// The time of day to the millisecond.
export function clock(ms: number, language: string): string {
  return new Date(ms).toLocaleTimeString(language, { hour12: false, hour: "2-digit", minute: "2-digit", second: "2-digit", fractionalSecondDigits: 3 });
}
