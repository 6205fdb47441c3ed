export async function writeShipReport(_request: unknown, _context: unknown): Promise<void> {}
