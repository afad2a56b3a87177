{#
    What the file names of the missions report. One place for the grammars; the seed rovers says which one a rover's files follow.
    With another one, or none, every macro here gives null, and no_unknown_grammar.sql counts the photos:
    mars2020      NLE_0367_0699523414_304ECM_N0110108NCAM00710_13_0LLJ01_1200.jpg   N|T sampling, site 011, drive 0108, version 01
    msl           FLB_486265257EDR_F0481570FHAZ00323M_.JPG                          F|S|D|T|M sampling, site 048, drive 1570
                  1000ML0044631120305209E02_DXXX.jpg                                mast, hand lens and descent cameras: type letter
    mer           1P128287426EFF0000P2303L2M1-BR.JPG                                EFF|ESF|EDN|ETH product, site 00, drive 00
                                                                                    in the MER code of two characters
#}

{% macro known_grammars() -%}
    ('mars2020', 'msl', 'mer')
{%- endmacro %}

{% macro file_name(url) -%}
    nullif(split_part({{ url }}, '/', -1), '')
{%- endmacro %}

{#
    The product that a file shows: its name without extension, rendition (_1200, -BR) and, for Perseverance, the two-digit
    version. So it equals the imageid of the mission's own feed and the PRODUCT_ID of the PDS.
#}
{% macro product(grammar, file_name) -%}
    case {{ grammar }}
        when 'mars2020'
            then coalesce({{ matched(file_name, '^(.*J)[0-9][0-9](_[0-9]+)?[.][A-Za-z]+$') }}, {{ stem(file_name) }})
        when 'msl' then {{ stem(file_name) }}
        when 'mer' then coalesce({{ matched(file_name, '^(.*)-BR[.][A-Za-z]+$') }}, {{ stem(file_name) }})
    end
{%- endmacro %}

{#
    One identity for every product and version of one exposure: the name of a product without its type, sampling, producer and
    version. What is left is camera, second of the clock, site, drive, sequence and, of Spirit and Opportunity, eye and filter.
    Their cameras and the engineering cameras of Curiosity, which are built alike, need more than a second to read an exposure
    out, so that no two share an identity.

    Elsewhere it is the product: where the names do not make it certain which products are of one exposure (the mast, hand lens
    and descent cameras of Curiosity, the tiles and scales of Perseverance's pictures), none are joined.
#}
{% macro product_identity(grammar, product) -%}
    case
        when {{ grammar }} = 'msl' and substr({{ product }}, 14, 3) = 'EDR'
            and {{ matched(product, '^[FNR][LR][AB]_[0-9]{9}(EDR)_[FSDTM][0-9]{7}[A-Z0-9_]{4}[0-9]{5}') }} is not null
            then substr({{ product }}, 1, 13) || substr({{ product }}, 19, 16)
        when {{ grammar }} = 'mer'
            and {{ matched(product, '^([12])[PNFRME][0-9]{9}[A-Z]{3}[0-9A-Z#_]{4}[A-Z][0-9]{4}[LRMNB][0-9A-Z]') }} is not null
            then substr({{ product }}, 1, 11) || substr({{ product }}, 15, 11)
        when {{ grammar }} in {{ known_grammars() }} then {{ product }}
    end
{%- endmacro %}

{# Most names have no rendition: looking for the text first saves the longest pattern of a first build. #}
{% macro stem(file_name) -%}
    coalesce(
        case when contains({{ file_name }}, '_1200.') then {{ matched(file_name, '^(.*)_1200[.][A-Za-z]+$') }} end,
        {{ matched(file_name, '^(.*)[.][A-Za-z]+$') }}
    )
{%- endmacro %}

{#
    The letter of a product of Curiosity's mast, hand lens and descent cameras; null for other names. Behind it stand the counter
    of a group of pictures, which is hexadecimal, and the version; the names of the descent have one character only.
    Source: Data Product SIS of these cameras, MSL_MMM_DPSIS, table of product types:
    A to F images, G to I thumbnails, J to N video, O to Q thumbnails of video, R focus merge, S its range map, T and U the
    thumbnails of these two.
#}
{% macro malin_letter(file_name) -%}
    {{ matched(file_name, '^[0-9]{4}M[DHLR][0-9]+([A-U])[0-9A-Z-]{1,2}_') }}
{%- endmacro %}

{#
    full | subframe | downsampled | thumbnail | mixed, of Curiosity's mast, hand lens and descent cameras focus_merge | range_map |
    video, and of Spirit and Opportunity reference_pixels | histogram | row_summed | column_summed; null where the name does
    not say: the letters A to F are those of full frames and of subframes.
#}
{% macro product_type(grammar, file_name) -%}
    case
        case {{ grammar }}
            when 'mars2020' then {{ matched(file_name, '_([NT])[0-9]{7}[A-Z_]') }}
            when 'msl'
                then coalesce(
                    {{ matched(file_name, '^[A-Z0-9_]{3}_[0-9]{9}[A-Z]{3}_([A-Z])[0-9]{7}') }},
                    'malin ' || {{ malin_letter(file_name) }}
                )
            when 'mer' then {{ matched(file_name, '^[12][A-Z][0-9]{9}(EFF|ESF|EDN|ETH|ERP|EHG|ERS|ECS)') }}
        end
        when 'N' then 'full'
        when 'F' then 'full'
        when 'EFF' then 'full'
        when 'S' then 'subframe'
        when 'ESF' then 'subframe'
        when 'D' then 'downsampled'
        when 'EDN' then 'downsampled'
        when 'T' then 'thumbnail'
        when 'ETH' then 'thumbnail'
        when 'M' then 'mixed'
        when 'ERP' then 'reference_pixels'
        when 'EHG' then 'histogram'
        when 'ERS' then 'row_summed'
        when 'ECS' then 'column_summed'
        when 'malin R' then 'focus_merge'
        when 'malin S' then 'range_map'
        {%- for letter in 'JKLMN' %}
        when 'malin {{ letter }}' then 'video'
        {%- endfor %}
        {%- for letter in 'GHIOPQTU' %}
        when 'malin {{ letter }}' then 'thumbnail'
        {%- endfor %}
    end
{%- endmacro %}

{# Where the letter of one of Malin's cameras states no product type, it states that the picture is no thumbnail. #}
{% macro is_thumbnail(grammar, file_name, product_type) -%}
    case
        when {{ product_type }} is not null then {{ product_type }} = 'thumbnail'
        when {{ grammar }} = 'msl' and {{ malin_letter(file_name) }} is not null then false
    end
{%- endmacro %}

{# The rover motion counter, as {'site': sql, 'drive': sql}: integers, or null where the name has none. #}
{% macro motion_counter(grammar, file_name) -%}
    {% set surface = '[NT]([0-9]{3})[0-9]{4}[A-Z_]', '[NT][0-9]{3}([0-9]{4})[A-Z_]' %}
    {% set opgs = '^[A-Z0-9_]{3}_[0-9]{9}[A-Z]{3}_[A-Z]' %}
    {% set mer = '^[12][A-Z][0-9]{9}[A-Z]{3}' %}
    {{ return({
        'site': _counter(grammar, file_name, '_' ~ surface[0], opgs ~ '([0-9]{3})[0-9]{4}', mer ~ '([0-9A-Z]{2})'),
        'drive': _counter(grammar, file_name, '_' ~ surface[1], opgs ~ '[0-9]{3}([0-9]{4})', mer ~ '..([0-9A-Z]{2})'),
    }) }}
{%- endmacro %}

{% macro _counter(grammar, file_name, mars2020, msl, mer) -%}
    case {{ grammar }}
        when 'mars2020' then cast({{ matched(file_name, mars2020) }} as integer)
        when 'msl' then cast({{ matched(file_name, msl) }} as integer)
        when 'mer' then {{ mer_code(matched(file_name, mer)) }}
    end
{%- endmacro %}

{# 00 to 99, then A0 to ZZ from 100 on, then 0A to 9Z from 1036 on; ## and __ are overflow: null. #}
{% macro mer_code(code) -%}
    {% set first %}(ascii(substr({{ code }}, 1, 1)) - 65){% endset %}
    {% set second %}(ascii(substr({{ code }}, 2, 1)) - 65){% endset %}
    cast(
        case
            when {{ code }} is null then null
            when {{ first }} < 0 and {{ second }} < 0 then try_cast({{ code }} as integer)
            when {{ first }} >= 0 and {{ second }} < 0 then 100 + 36 * {{ first }} + {{ second }} + 17
            when {{ first }} >= 0 then 100 + 36 * {{ first }} + 10 + {{ second }}
            else 1036 + 26 * ({{ first }} + 17) + {{ second }}
        end as integer
    )
{%- endmacro %}

{# The spacecraft clock in seconds, or null: the names of Curiosity's mast, hand lens and descent cameras have none. #}
{% macro clock_of_name(grammar, file_name) -%}
    cast(
        case {{ grammar }}
            when 'mars2020' then {{ matched(file_name, '^[A-Z0-9_]{3}_[0-9]{4}_([0-9]{10})_') }}
            when 'msl' then {{ matched(file_name, '^[A-Z0-9_]{3}_([0-9]{9})[A-Z]{3}_') }}
            when 'mer' then {{ matched(file_name, '^[12][A-Z]([0-9]{9})[A-Z]{3}') }}
        end as double
    )
{%- endmacro %}

{# Where the imaging archive is that the settings name. #}
{% macro archive_url() -%}
    {{ return(env_var('MARS_DBT_ARCHIVE_URL', var('archive_url')) | replace("'", "''")) }}
{%- endmacro %}

{#
    Where a picture of Spirit or Opportunity is today: its browse image in the PDS. The gallery that v1's links lead into is gone
    since 2024. Null where the name is none of these missions' products.
#}
{% macro archived_url(grammar, rover, product, sol) -%}
    case
        when {{ grammar }} = 'mer'
            and {{ matched(product, '^([12][PNFRME][0-9]{9}[A-Z]{3}[0-9A-Z#_]{4}[A-Z][0-9]{4}[LRMNB][0-9A-Z][0-9A-Z]{2})$') }} is not null
            then '{{ archive_url() }}/data/mer/' || {{ rover }} || '/mer' || substr({{ product }}, 1, 1)
                || case substr({{ product }}, 2, 1)
                    when 'P' then 'p'
                    when 'N' then 'n'
                    when 'M' then 'm'
                    when 'E' then 'd'
                    else 'h'
                end
                || 'o_0xxx/browse/sol' || {{ padded(sol, 4) }} || '/edr/' || lower({{ product }}) || '.img.jpg'
    end
{%- endmacro %}

{# The product itself, of which a picture in the archive's folder browse is a JPEG. #}
{% macro archived_file(browse_url) -%}
    regexp_replace(replace({{ browse_url }}, '/browse/', '/data/'), '[.]jpg$', '')
{%- endmacro %}

{#
    The picture of v1 as large as its mission publishes it; null where that is not certain. v1 has Perseverance's in the rendition
    that is 1,200 pixels wide, beside which the feed has the PNG without it; Curiosity's files have one size.
#}
{% macro full_size_url(grammar, image_url) -%}
    case {{ grammar }}
        when 'mars2020' then {{ matched(image_url, '^(.*J[0-9]{2})_1200[.]jpg$') }} || '.png'
        when 'msl' then {{ image_url }}
        when 'mer' then case when {{ image_url }} like '%/browse/%' then {{ archived_file(image_url) }} end
    end
{%- endmacro %}
