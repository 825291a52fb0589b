import java.net.InetSocketAddress;
import java.util.Map;
import org.apache.hadoop.conf.Configuration;
import org.apache.iceberg.CatalogUtil;
import org.apache.iceberg.rest.RESTCatalogAdapter;
import org.apache.iceberg.rest.RESTCatalogServlet;
import org.eclipse.jetty.server.Server;
import org.eclipse.jetty.server.ServerConnector;
import org.eclipse.jetty.servlet.ServletContextHandler;
import org.eclipse.jetty.servlet.ServletHolder;

// Iceberg's own REST catalog over tables in a folder, as long as its standard input is
// open. It prints its port.
public class Rest {
    public static void main(String[] folder) throws Exception {
        var files = CatalogUtil.buildIcebergCatalog(
            "files", Map.of("catalog-impl", "org.apache.iceberg.hadoop.HadoopCatalog", "warehouse", folder[0]), new Configuration());
        var handler = new ServletContextHandler();
        handler.addServlet(new ServletHolder(new RESTCatalogServlet(new RESTCatalogAdapter(files))), "/*");
        var server = new Server(new InetSocketAddress("127.0.0.1", 0));
        server.setHandler(handler);
        server.start();
        System.out.println(((ServerConnector) server.getConnectors()[0]).getLocalPort());
        System.in.read();
        System.exit(0);
    }
}
