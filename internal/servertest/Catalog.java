import java.net.InetSocketAddress;
import java.util.Map;
import org.apache.hadoop.conf.Configuration;
import org.apache.iceberg.CatalogUtil;
import org.apache.iceberg.jdbc.JdbcCatalog;
import org.apache.iceberg.rest.RESTCatalogAdapter;
import org.apache.iceberg.rest.RESTCatalogServlet;
import org.eclipse.jetty.server.Server;
import org.eclipse.jetty.servlet.ServletContextHandler;
import org.eclipse.jetty.servlet.ServletHolder;

/** The REST catalog that Iceberg tests its own clients with: PORT FOLDER. */
public class Catalog {
  public static void main(String[] args) throws Exception {
    var catalog = CatalogUtil.buildIcebergCatalog("tests", Map.of(
        "catalog-impl", JdbcCatalog.class.getName(),
        "uri", "jdbc:sqlite:" + args[1] + "/catalog.db", "jdbc.schema-version", "V1",
        "clients", "1", // SQLite reports two writers as an error, not as a conflict
        "warehouse", "file://" + args[1]), new Configuration());
    var paths = new ServletContextHandler();
    paths.addServlet(new ServletHolder(new RESTCatalogServlet(new RESTCatalogAdapter(catalog))), "/*");
    var server = new Server(new InetSocketAddress("127.0.0.1", Integer.parseInt(args[0])));
    server.setHandler(paths);
    server.start();
  }
}
