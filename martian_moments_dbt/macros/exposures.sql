{#
    What the names of files report of an exposure: which one it is, what it was planned in, and what its pixels are. The grammars
    are those of file_names.sql.
#}

{#
    One text for every tile, band, rendition and thumbnail of an exposure: the camera as the name has it and the spacecraft's clock;
    of Curiosity's mast, hand lens and descent cameras, whose names have no clock, their sequence, its line and the camera's own
    counter of images, which all products of one share. Null where the name has none.
#}
{% macro exposure(grammar, file_name) -%}
    case {{ grammar }}
        when 'mars2020'
            then substr({{ file_name }}, 1, 2) || '|' || {{ matched(file_name, '^[A-Z]{2}[A-Z0-9_]_[0-9]{4}_([0-9]{10}_[0-9]{3})[A-Z]{3}') }}
        when 'msl'
            then coalesce(
                substr({{ file_name }}, 1, 3) || '|' || {{ matched(file_name, '^[A-Z]{2}[A-Z0-9]_([0-9]{9})[A-Z]{3}_') }},
                substr({{ file_name }}, 5, 2) || '|' || {{ matched(file_name, '^[0-9]{4}M[DHLR]([0-9]+)[A-U][0-9A-Z-]{1,2}_') }}
            )
        when 'mer'
            then substr({{ file_name }}, 2, 1) || substr({{ file_name }}, 24, 1) || '|'
                || {{ matched(file_name, '^[12][PNFRME]([0-9]{9})[A-Z]{3}[0-9A-Z#_]{4}[A-Z][0-9]{4}[LRMNB]') }}
    end
{%- endmacro %}

{#
    The sequence that a picture was planned in: NCAM00518 of Perseverance and of the engineering cameras and ChemCam of Curiosity, the
    six digits of Curiosity's other cameras, P2303 of Spirit and Opportunity.
#}
{% macro sequence(grammar, file_name) -%}
    case {{ grammar }}
        when 'mars2020' then {{ matched(file_name, '_[NT][0-9]{7}([A-Z_]{4}[0-9]{5})') }}
        when 'msl'
            then coalesce(
                {{ matched(file_name, '^[A-Z0-9_]{3}_[0-9]{9}[A-Z]{3}_[A-Z][0-9]{7}([A-Z_]{4}[0-9]{5})') }},
                {{ matched(file_name, '^[0-9]{4}M[DHLR]([0-9]{6})[0-9]{10}[A-U]') }}
            )
        when 'mer' then {{ matched(file_name, '^[12][PNFRME][0-9]{9}[A-Z]{3}[0-9A-Z#_]{4}([A-Z][0-9]{4})') }}
    end
{%- endmacro %}

{#
    What a picture's pixels are: bayer, a mosaic of three colours that nobody has interpolated; rgb; gray, of a detector or a file
    that knows no colours; band, one colour or the light of one filter. Null where the name does not say, and for products that are no
    pictures (reference pixels, histograms, sums of rows and columns).

    Mars 2020, third character (Camera SIS, JPL D-99960): E mosaic, F three bands, M gray, R, G, B, A and D one of them (A and D the
    upper and lower green); of Mastcam-Z the filter instead, 0 none but the mosaic's own; of WATSON a digit while it is a mosaic.
    Products EBY are interpolated. The detectors of ACI and of PIXL's camera know no colours; the lamps of PIXL's have some.
    Curiosity: navigation and hazard cameras and ChemCam know no colours. The letters of the others: MSL_MMM_DPSIS (malin_letter).
    Spirit, Opportunity: no detector knows colours; of the panoramic cameras the character behind the eye is the filter, L1 none.

    exposure: what exposure() gives, which is null where the name has another form.
#}
{% macro color_kind(grammar, file_name, exposure) -%}
    case
        when {{ exposure }} is null then null
        when {{ grammar }} = 'mars2020'
            then case
                when substr({{ file_name }}, 24, 3) in ('ERP', 'EHG', 'ERS', 'ECS') then null
                when substr({{ file_name }}, 24, 3) = 'EBY' then 'rgb'
                when substr({{ file_name }}, 1, 2) = 'SC' then 'gray'
                when substr({{ file_name }}, 1, 2) = 'PC'
                    then case when substr({{ file_name }}, 3, 1) in ('R', 'G', 'B', 'U') then 'band' end
                when substr({{ file_name }}, 1, 3) in ('ZL0', 'ZR0') then 'bayer'
                when substr({{ file_name }}, 1, 2) in ('ZL', 'ZR') and substr({{ file_name }}, 3, 1) between '1' and '7' then 'band'
                when substr({{ file_name }}, 1, 2) = 'SI' and substr({{ file_name }}, 3, 1) between '0' and '9' then 'bayer'
                else case substr({{ file_name }}, 3, 1)
                    when 'E' then 'bayer'
                    when 'F' then 'rgb'
                    when 'M' then 'gray'
                    {%- for band in 'RGBAD' %}
                    when '{{ band }}' then 'band'
                    {%- endfor %}
                end
            end
        when {{ grammar }} = 'msl' and substr({{ file_name }}, 4, 1) = '_'
            then case
                when substr({{ file_name }}, 14, 3) = 'EDR'
                    and (substr({{ file_name }}, 1, 1) in ('N', 'F', 'R') or substr({{ file_name }}, 1, 2) = 'CR')
                    then 'gray'
            end
        when {{ grammar }} = 'msl'
            then case {{ malin_letter(file_name) }}
                {%- for letters, kind in {'ABCJK': 'bayer', 'EFIMNQRT': 'rgb', 'DHLPSU': 'gray'}.items() %}
                {%- for letter in letters %}
                when '{{ letter }}' then '{{ kind }}'
                {%- endfor %}
                {%- endfor %}
            end
        when substr({{ file_name }}, 12, 3) in ('ERP', 'EHG', 'ERS', 'ECS') then null
        when substr({{ file_name }}, 2, 1) = 'P' and substr({{ file_name }}, 24, 2) not in ('L0', 'R0', 'L1') then 'band'
        else 'gray'
    end
{%- endmacro %}
