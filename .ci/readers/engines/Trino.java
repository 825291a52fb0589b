// Trino's server, as long as its standard input is open. Its own start is in an
// archive that is no jar.
void main() throws java.io.IOException {
    new io.trino.server.Server().start(io.trino.server.Server.class.getPackage().getImplementationVersion());
    System.in.read();
    System.exit(0);
}
