/** Whether a text could be code where a shell evaluates it once more. */
export const holdsCode = (text: string): boolean => /\$\(|`|\$\{|\$\[|<\(|>\(/.test(text);
