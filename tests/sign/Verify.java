import java.io.ByteArrayInputStream;
import java.io.File;
import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.cert.CertificateFactory;
import java.security.cert.X509Certificate;
import java.util.Base64;
import javax.xml.crypto.Data;
import javax.xml.crypto.KeySelector;
import javax.xml.crypto.OctetStreamData;
import javax.xml.crypto.URIDereferencer;
import javax.xml.crypto.URIReference;
import javax.xml.crypto.URIReferenceException;
import javax.xml.crypto.dom.DOMURIReference;
import javax.xml.crypto.dsig.XMLSignature;
import javax.xml.crypto.dsig.XMLSignatureFactory;
import javax.xml.crypto.dsig.dom.DOMValidateContext;
import javax.xml.parsers.DocumentBuilderFactory;
import org.w3c.dom.Document;
import org.w3c.dom.Element;
import org.w3c.dom.Node;
import org.w3c.dom.NodeList;

/** Java's own XMLDSig over each file named: one line "path valid|invalid" for each. */
public class Verify {
    public static void main(String[] paths) throws Exception {
        for (String path : paths) {
            System.out.println(path + " " + (valid(new File(path)) ? "valid" : "invalid"));
        }
    }

    static boolean valid(File file) throws Exception {
        DocumentBuilderFactory builders = DocumentBuilderFactory.newInstance();
        builders.setNamespaceAware(true);
        builders.setFeature("http://apache.org/xml/features/disallow-doctype-decl", true);
        Document document = builders.newDocumentBuilder().parse(file);
        Element signature = first(document, XMLSignature.XMLNS, "Signature");
        String coded = first(document, XMLSignature.XMLNS, "X509Certificate").getTextContent();
        byte[] der = Base64.getMimeDecoder().decode(coded);
        X509Certificate certificate = (X509Certificate) CertificateFactory.getInstance("X.509")
            .generateCertificate(new ByteArrayInputStream(der));
        DOMValidateContext context = new DOMValidateContext(
            KeySelector.singletonKeySelector(certificate.getPublicKey()), signature);
        mark(context, document, "http://uri.etsi.org/01903/v1.3.2#", "SignedProperties", "Id");
        mark(context, document, null, "構成情報", "ID");
        XMLSignatureFactory factory = XMLSignatureFactory.getInstance("DOM");
        context.setURIDereferencer(beside(file.getParentFile().toPath(), factory));
        return factory.unmarshalXMLSignature(context).validate(context);
    }

    /** Same-document references by Java itself; file names from the folder alone. */
    static URIDereferencer beside(Path folder, XMLSignatureFactory factory) {
        return (reference, context) -> {
            String uri = reference.getURI();
            if (uri == null || uri.isEmpty() || uri.startsWith("#")) {
                return factory.getURIDereferencer().dereference(unescaped(reference), context);
            }
            try {
                String name = URLDecoder.decode(uri.replace("+", "%2B"), StandardCharsets.UTF_8);
                byte[] bytes = Files.readAllBytes(folder.resolve(Path.of(name).getFileName()));
                Data data = new OctetStreamData(new ByteArrayInputStream(bytes));
                return data;
            } catch (java.io.IOException error) {
                throw new URIReferenceException(error);
            }
        };
    }

    /** Java looks an Id up as it is written; a URI writes it escaped. */
    static DOMURIReference unescaped(URIReference reference) {
        String uri = reference.getURI();
        String plain = uri == null ? null : URLDecoder.decode(uri, StandardCharsets.UTF_8);
        return new DOMURIReference() {
            public String getURI() {
                return plain;
            }

            public String getType() {
                return reference.getType();
            }

            public Node getHere() {
                return ((DOMURIReference) reference).getHere();
            }
        };
    }

    static void mark(DOMValidateContext context, Document document, String space, String name,
                     String attribute) {
        NodeList found = space == null ? document.getElementsByTagName(name)
            : document.getElementsByTagNameNS(space, name);
        for (int place = 0; place < found.getLength(); place++) {
            context.setIdAttributeNS((Element) found.item(place), null, attribute);
        }
    }

    static Element first(Document document, String space, String name) {
        return (Element) document.getElementsByTagNameNS(space, name).item(0);
    }
}
