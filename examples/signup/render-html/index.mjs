/** {name} → {html}. Knows nothing of mails or topics. */
export async function handler({ name }) {
  if (typeof name !== 'string') throw new TypeError(`expected a name, got ${JSON.stringify(name)}`)
  return { html: `<!doctype html>\n<title>Welcome</title>\n<p>Good to have you, ${escape(name)}. Sleep well.</p>\n` }
}

const ENTITIES = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' }

const escape = (text) => text.replace(/[&<>"']/g, (character) => ENTITIES[character])
