import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.function.IntPredicate;
import java.util.function.Predicate;
import java.util.function.Supplier;
import java.util.function.UnaryOperator;
import org.apache.lucene.analysis.TokenStream;
import org.apache.lucene.analysis.miscellaneous.ASCIIFoldingFilter;
import org.apache.lucene.analysis.ngram.EdgeNGramTokenFilter;
import org.apache.lucene.analysis.ngram.EdgeNGramTokenizer;
import org.apache.lucene.analysis.ngram.NGramTokenFilter;
import org.apache.lucene.analysis.ngram.NGramTokenizer;
import org.elasticsearch.Build;
import org.elasticsearch.client.internal.node.NodeClient;
import org.elasticsearch.cluster.metadata.IndexNameExpressionResolver;
import org.elasticsearch.cluster.node.DiscoveryNodes;
import org.elasticsearch.cluster.service.ClusterService;
import org.elasticsearch.common.io.stream.NamedWriteableRegistry;
import org.elasticsearch.common.settings.ClusterSettings;
import org.elasticsearch.common.settings.IndexScopedSettings;
import org.elasticsearch.common.settings.Settings;
import org.elasticsearch.common.settings.SettingsFilter;
import org.elasticsearch.features.NodeFeature;
import org.elasticsearch.index.IndexSettings;
import org.elasticsearch.index.analysis.AbstractTokenFilterFactory;
import org.elasticsearch.index.analysis.PreConfiguredTokenFilter;
import org.elasticsearch.index.analysis.TokenFilterFactory;
import org.elasticsearch.index.analysis.TokenizerFactory;
import org.elasticsearch.indices.analysis.AnalysisModule.AnalysisProvider;
import org.elasticsearch.plugins.ActionPlugin;
import org.elasticsearch.plugins.AnalysisPlugin;
import org.elasticsearch.plugins.Plugin;
import org.elasticsearch.rest.BaseRestHandler;
import org.elasticsearch.rest.RestController;
import org.elasticsearch.rest.RestHandler;
import org.elasticsearch.rest.RestRequest;
import org.elasticsearch.rest.RestResponse;
import org.elasticsearch.rest.RestStatus;
import org.elasticsearch.xcontent.XContentBuilder;

/**
 * The few parts that Confab needs of two stock modules that are not published to Maven Central, rebuilt on the same
 * Lucene classes: GET and HEAD / (module rest-root; clients ask it for the version), and the ngram, edge_ngram and
 * asciifolding analysis parts (module analysis-common). Names, defaults and limits are those of the stock modules.
 */
public class Extras extends Plugin implements ActionPlugin, AnalysisPlugin {
    private ClusterService cluster;

    @Override
    public Collection<?> createComponents(PluginServices services) {
        cluster = services.clusterService();
        return List.of();
    }

    @Override
    public Collection<RestHandler> getRestHandlers(
            Settings settings,
            NamedWriteableRegistry registry,
            RestController controller,
            ClusterSettings clusterSettings,
            IndexScopedSettings indexSettings,
            SettingsFilter filter,
            IndexNameExpressionResolver resolver,
            Supplier<DiscoveryNodes> nodes,
            Predicate<NodeFeature> features) {
        return List.of(new RootHandler());
    }

    private class RootHandler extends BaseRestHandler {
        @Override
        public String getName() {
            return "main_action";
        }

        @Override
        public List<Route> routes() {
            return List.of(new Route(RestRequest.Method.GET, "/"), new Route(RestRequest.Method.HEAD, "/"));
        }

        @Override
        protected RestChannelConsumer prepareRequest(RestRequest request, NodeClient client) {
            return channel -> {
                Build build = Build.current();
                try (XContentBuilder json = channel.newBuilder().prettyPrint()) {
                    json.startObject()
                        .field("name", cluster.getNodeName())
                        .field("cluster_name", cluster.getClusterName().value())
                        .field("cluster_uuid", cluster.state().metadata().clusterUUID());
                    json.startObject("version")
                        .field("number", build.qualifiedVersion())
                        .field("build_flavor", build.flavor())
                        .field("build_type", build.type().displayName())
                        .field("build_hash", build.hash())
                        .field("build_date", build.date())
                        .field("build_snapshot", build.isSnapshot())
                        .field("lucene_version", org.apache.lucene.util.Version.LATEST.toString())
                        .field("minimum_wire_compatibility_version", build.minWireCompatVersion())
                        .field("minimum_index_compatibility_version", build.minIndexCompatVersion())
                        .endObject();
                    json.field("tagline", "You Know, for Search").endObject();
                    channel.sendResponse(new RestResponse(RestStatus.OK, json));
                }
            };
        }
    }

    /** Lengths of the grams a part makes; an index limits how far apart those of `ngram` may be. */
    private record Grams(int min, int max) {
        static Grams of(Settings settings) {
            return new Grams(settings.getAsInt("min_gram", 1), settings.getAsInt("max_gram", 2));
        }

        static Grams limited(IndexSettings index, Settings settings) {
            Grams grams = of(settings);
            if (grams.max - grams.min > index.getMaxNgramDiff()) {
                throw new IllegalArgumentException(
                    "max_gram - min_gram is " + (grams.max - grams.min) + ", more than index.max_ngram_diff: " + index.getMaxNgramDiff());
            }
            return grams;
        }
    }

    /** Which characters a token may hold, from the setting `token_chars`; all where it is not set. */
    private static IntPredicate tokenCharacters(Settings settings) {
        List<IntPredicate> any = new ArrayList<>();
        for (String name : settings.getAsList("token_chars")) {
            any.add(switch (name) {
                case "letter" -> Character::isLetter;
                case "digit" -> Character::isDigit;
                case "whitespace" -> Character::isWhitespace;
                case "punctuation" -> oneOf(
                    Character.DASH_PUNCTUATION,
                    Character.START_PUNCTUATION,
                    Character.END_PUNCTUATION,
                    Character.CONNECTOR_PUNCTUATION,
                    Character.OTHER_PUNCTUATION,
                    Character.INITIAL_QUOTE_PUNCTUATION,
                    Character.FINAL_QUOTE_PUNCTUATION);
                case "symbol" -> oneOf(
                    Character.MATH_SYMBOL, Character.CURRENCY_SYMBOL, Character.MODIFIER_SYMBOL, Character.OTHER_SYMBOL);
                default -> throw new IllegalArgumentException("Unknown token type: '" + name + "'");
            });
        }
        return character -> any.isEmpty() || any.stream().anyMatch(test -> test.test(character));
    }

    private static IntPredicate oneOf(int... types) {
        return character -> {
            int type = Character.getType(character);
            for (int wanted : types) if (type == wanted) return true;
            return false;
        };
    }

    @Override
    public Map<String, AnalysisProvider<TokenizerFactory>> getTokenizers() {
        return Map.of("ngram", (index, environment, name, settings) -> {
            Grams grams = Grams.limited(index, settings);
            IntPredicate characters = tokenCharacters(settings);
            return TokenizerFactory.newFactory(name, () -> new NGramTokenizer(grams.min, grams.max) {
                @Override
                protected boolean isTokenChar(int character) {
                    return characters.test(character);
                }
            });
        }, "edge_ngram", (index, environment, name, settings) -> {
            Grams grams = Grams.of(settings);
            IntPredicate characters = tokenCharacters(settings);
            return TokenizerFactory.newFactory(name, () -> new EdgeNGramTokenizer(grams.min, grams.max) {
                @Override
                protected boolean isTokenChar(int character) {
                    return characters.test(character);
                }
            });
        });
    }

    @Override
    public Map<String, AnalysisProvider<TokenFilterFactory>> getTokenFilters() {
        return Map.of("ngram", (index, environment, name, settings) -> {
            Grams grams = Grams.limited(index, settings);
            boolean original = settings.getAsBoolean("preserve_original", false);
            return filter(name, settings, in -> new NGramTokenFilter(in, grams.min, grams.max, original));
        }, "edge_ngram", (index, environment, name, settings) -> {
            Grams grams = Grams.of(settings);
            boolean original = settings.getAsBoolean("preserve_original", false);
            return filter(name, settings, in -> new EdgeNGramTokenFilter(in, grams.min, grams.max, original));
        });
    }

    private static TokenFilterFactory filter(String name, Settings settings, UnaryOperator<TokenStream> make) {
        return new AbstractTokenFilterFactory(name, settings) {
            @Override
            public TokenStream create(TokenStream in) {
                return make.apply(in);
            }
        };
    }

    @Override
    public List<PreConfiguredTokenFilter> getPreConfiguredTokenFilters() {
        return List.of(PreConfiguredTokenFilter.singleton("asciifolding", true, ASCIIFoldingFilter::new));
    }
}
