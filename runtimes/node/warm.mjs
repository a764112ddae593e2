// The same for ES modules: importing anything sets their loader up.
export const warm = true;
